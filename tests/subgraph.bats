#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-3.0-or-later
# subgraph: graph="FILE", a graph as a node of another.

load helper

# gives OUTPUT [ARG...] <GRAPH: it runs well, prints that, and no complaint.
gives()
{
	graph
	mg graph.gv "${@:2}"
	with 0 "$1" && same "" "$stderr"
}

# wrong STATUS MESSAGE... <GRAPH: that is all --check says.
wrong()
{
	graph
	mg --check graph.gv
	refused "$@"
}

# inner [FILE] <GRAPH: the graph that is a node.
inner()
{
	graph "${1-inner.gv}"
}

@test "subgraph: the nodes and edges of the file stand for the node" {
	inner <<<'digraph { stdin -> "tr a-z A-Z" -> "sed s/^/+/" -> stdout }'
	gives $'+A\n+B' <<-'END'
	digraph {
	    x [cmd="printf 'a\nb\n'"]
	    x -> sub -> cat
	    sub [graph="inner.gv"]
	}
	END
}

@test "subgraph: descriptor 1 without an edge is port 1, inside and outside" {
	inner <<<'digraph { stdin -> "tr a-z A-Z" }'
	gives $'A' <<-'END'
	digraph { x [cmd="echo a"]; x -> sub; sub [graph="inner.gv"] }
	END
	inner <<<'digraph { one [cmd="echo 1"]; two [cmd="echo 2"] }'
	gives $'1\n2' <<-'END'
	digraph { sub [graph="inner.gv"]; sub -> sort }
	END
}

@test "subgraph: edges that nobody wrote keep their order around the node" {
	inner <<-'END'
	digraph {
	    edge [merge=concat]
	    one [cmd="echo 2"]; two [cmd="echo 3"]
	}
	END
	gives $'1\n2\n3\n4' <<-'END'
	digraph {
	    edge [merge=concat]
	    a [cmd="echo 1"]
	    sub [graph="inner.gv"]
	    b [cmd="echo 4"]
	}
	END
}

@test "subgraph: with no edge to port 0, stdin inside is /dev/null" {
	inner <<<'digraph { stdin -> "wc -c"; stdin -> three:3; three [cmd="cat <&3; echo end"]; three -> "sed s/e/E/" }'
	graph <<<'digraph { sub [graph="inner.gv"]; sub -> sort }'
	output=$(echo lost | timeout 20 "$MG" graph.gv 2>stderr)
	same $'0\nEnd' "$output"
	run cat stderr
	has "$output" "standard input is not read"
}

@test "subgraph: several readers inside, or several writers outside, share the port" {
	inner <<<'digraph { stdin -> {"wc -l" "tail -n 1"} [split=copy] }'
	gives $'3\n3' <<-'END'
	digraph { "seq 3" -> sub -> sort; sub [graph="inner.gv"] }
	END
	inner <<<'digraph { stdin -> cat }'
	gives $'1\n2\n1' <<-'END'
	digraph { {"seq 2" "seq 1"} -> sub [merge=concat]; sub [graph="inner.gv"] }
	END
}

@test "subgraph: several on both sides meet in one process, with both policies" {
	inner <<<'digraph { stdin -> {"wc -l" "tail -n 1"} }'
	gives $'1\n3' <<-'END'
	digraph {
	    {"seq 2" "seq 1"} -> sub [merge=concat]
	    sub [graph="inner.gv"]
	    sub -> sort
	}
	END
	mg --dry-run graph.gv
	has "$output" "sub:in: cat"
	inner <<<'digraph { edge [merge=concat]; a [cmd="seq 2"]; b [cmd="seq 1"]; {a b} -> stdout }'
	gives $'1\n1\n2\n3' <<-'END'
	digraph {
	    sub [graph="inner.gv"]
	    sub -> {"wc -l" cat} -> sort
	}
	END
}

@test "subgraph: a split of the outer graph and one of the inner are two" {
	inner <<<'digraph { stdin -> {"wc -l" last} [split=lines]; last [cmd="wc -l"] }'
	gives $'0\n2\n2' <<-'END'
	digraph {
	    two [cmd="seq 2"]
	    two -> {sub "wc -l"} [split=copy]
	    sub [graph="inner.gv"]
	    {sub "wc -l"} -> sort
	}
	END
	inner <<<'digraph { a [cmd="echo a1; echo a2"]; b [cmd="echo b"]; edge [merge=concat]; b -> stdout; a -> stdout }'
	gives $'b\na1\na2\nx' <<-'END'
	digraph {
	    {sub "echo x"} -> cat [merge=concat]
	    sub [graph="inner.gv"]
	}
	END
}

@test "subgraph: args= are \$1... of the inner graph, and of it alone" {
	mkdir deep
	echo one >"a b"
	inner deep/inner.gv <<-'END'
	digraph {
	    graph [args="FILE WORD [MORE]"]
	    in [file="$1"]
	    in -> sub
	    sub [cmd="cat; echo \"$2 $#\""]
	}
	END
	gives $'one\nouter-x 2\n1 <a b>' 'a b' <<-'END'
	digraph {
	    edge [merge=concat]
	    sub [graph="deep/inner.gv", args="\"$1\" ${WORD:-outer-x}"]
	    own [cmd="echo \"$# <$1>\""]
	}
	END
	wrong 65 'graph.gv:2: node `sub`: `deep/inner.gv` wants args="FILE WORD [MORE]", and 1 is given' <<-'END'
	digraph {
	    sub [graph="deep/inner.gv", args="x"]
	}
	END
	wrong 65 'graph.gv:2: node `sub`: args: argument `$1` is not given' <<-'END'
	digraph {
	    sub [graph="deep/inner.gv", args="$1"]
	}
	END
}

@test "subgraph: files are found from the folder of the file that names them" {
	mkdir -p one/two
	inner one/inner.gv <<<'digraph { stdin -> deep; deep [graph="two/inner.gv"] }'
	inner one/two/inner.gv <<<'digraph { stdin -> s; s [script="up.sh"] }'
	echo 'tr a-z A-Z' >one/two/up.sh
	gives A <<-'END'
	digraph { "echo a" -> sub; sub [graph="one/inner.gv"] }
	END
	mg --dry-run graph.gv
	has "$output" "sub/deep/s: "
}

@test "subgraph: arguments pass from graph to graph" {
	inner <<<'digraph { deep [graph="deep.gv", args="$2 $1"] }'
	inner deep.gv <<<'digraph { x [cmd="echo $0 $*"] }'
	gives 'sub/deep/x b a' a <<-'END'
	digraph { sub [graph="inner.gv", args="$1 b"] }
	END
}

@test "subgraph: one file is used twice, side by side and in a row" {
	inner <<<'digraph { stdin -> "sed s/$/./" }'
	inner arg.gv <<<'digraph { stdin -> add; add [cmd="sed s/$/$1/"] }'
	gives $'a..\nb1\nb2' <<-'END'
	digraph {
	    edge [merge=concat]
	    "echo a" -> one -> two
	    "echo b" -> {three four}
	    one [graph="inner.gv"]; two [graph="inner.gv"]
	    three [graph="arg.gv", args=1]; four [graph="arg.gv", args=2]
	}
	END
}

@test "subgraph: named ports on stdin and stdout are ports of the node" {
	inner <<-'END'
	digraph {
	    stdin -> join
	    stdin:names -> join:names
	    join [cmd="cat; cat $names; echo bad >$left"]
	    join:left -> stdout:rest
	}
	END
	gives $'a\nb\nBAD' <<-'END'
	digraph {
	    "echo a" -> sub
	    "echo b" -> sub:names
	    sub [graph="inner.gv"]
	    sub -> stdout
	    sub:rest -> "tr a-z A-Z" -> stdout [merge=concat]
	}
	END
	mg inner.gv
	refused 65 'inner.gv:3: `stdin:names -> join:names`: `names` is a port of this graph, which only a graph that has it as a node (graph=) can join' \
		'inner.gv:5: `join:left -> stdout:rest`: `rest` is a port of this graph, which only a graph that has it as a node (graph=) can join'
	wrong 65 'graph.gv:2: node `sub`: no edge leads to port `names` of `inner.gv` (line 3 there)' \
		'graph.gv:3: `cat -> sub:name`: `inner.gv` has no input port `name`; did you mean `names`?' <<-'END'
	digraph {
	    "echo a" -> sub
	    cat -> sub:name; sub [graph="inner.gv"]
	    sub:rest -> "wc -l"
	}
	END
}

@test "subgraph: via= is each end's own" {
	inner <<<'digraph { stdin:x -> r:x [via=fifo]; r [cmd="echo ${x#/dev/fd/}; cat $x"]; r -> "sed s:.*/ipcflow-.*:fifo:" }'
	gives $'fifo\ndata' <<-'END'
	digraph { "echo data" -> sub:x; sub [graph="inner.gv"] }
	END
}

@test "subgraph: descriptor 2 inside is port 2" {
	inner <<-'END'
	digraph {
	    a [cmd="echo one >&2"]
	    b [cmd="echo two"]
	    b -> "sed s/^/E/" -> stderr
	}
	END
	gives $'Etwo\none' <<-'END'
	digraph { sub [graph="inner.gv"]; sub:2 -> sort }
	END
	gives $'Etwo\none' <<-'END'
	digraph { sub [graph="inner.gv", err=sort]; sort }
	END
	graph <<<'digraph { sub [graph="inner.gv"] }'
	mg graph.gv
	with 0 ""
	same $'Etwo\none' "$(sort <<<"$stderr")"
	inner <<-'END'
	digraph {
	    a [cmd="echo one >&2", err=log]
	    b [cmd="echo two >&2", err=stdout]
	    log [cmd="sed s/^/L/"]
	}
	END
	gives $'Lone\ntwo' <<-'END'
	digraph { sub [graph="inner.gv"]; sub -> sort }
	END
}

@test "subgraph: shell, names and eof=exit of the inner graph are its own" {
	inner <<<'digraph { graph [shell="bash -c"]; a [cmd="[[ x == x ]] && echo bash"] }'
	gives $'bash\n0' <<-'END'
	digraph {
	    graph [names=declared]; edge [merge=concat]
	    sub [graph="inner.gv"]
	    b [cmd="echo ${BASH_VERSION:+1}0"]
	}
	END
	inner <<<'digraph { graph [names=declared]; stdin -> sort }'
	wrong 65 'inner.gv:1: node `sub/sort` has no statement of its own, and names=declared demands one' <<-'END'
	digraph { sub [graph="inner.gv"] }
	END
}

@test "subgraph: what is for a whole run is refused inside" {
	inner <<<'digraph { graph [commit=all]; cat }'
	wrong 65 'inner.gv: commit=all is for a whole run; write it on the outer graph' <<-'END'
	digraph { sub [graph="inner.gv"] }
	END
	inner <<<'digraph { graph [stop=drain]; cat }'
	wrong 65 'inner.gv: stop=drain is for a whole run; write it on the outer graph' <<-'END'
	digraph { sub [graph="inner.gv"] }
	END
}

@test "subgraph: defaults of the outer graph do not fall on inner nodes" {
	inner <<<'digraph { a [cmd="echo ${x-none}"] }'
	gives 'none' <<-'END'
	digraph { node [env="x=1"]; sub [graph="inner.gv"] }
	END
}

@test "subgraph: attributes of processes are refused on the node, by name" {
	inner <<<'digraph { cat }'
	wrong 65 'graph.gv:2: node `sub` is a graph (graph=), which cannot have timeout=; write it in `inner.gv`' \
		'graph.gv:4: node `cat` has args= and no graph= that they could be for' <<-'END'
	digraph {
	    sub [graph="inner.gv", timeout="1s", color=red]

	    cat [args="1"]
	}
	END
}

@test "subgraph: errors of a file are reported with that file and its line" {
	inner <<-'END'
	digraph {
	    a [cdm=cat]
	    b [retries=x]
	}
	END
	wrong 65 'inner.gv:2: unknown attribute `cdm`; did you mean `cmd`?' \
		'inner.gv:3: retries=`x`: a whole number such as 3 is wanted' <<-'END'
	digraph { sub [graph="inner.gv"] }
	END
	inner <<-'END'
	digraph {

	    nosuchcommand -> cat
	}
	END
	wrong 127 'inner.gv:3: `sub/nosuchcommand`, first named at line 3, is no command' <<-'END'
	digraph { sub [graph="inner.gv"] }
	END
	wrong 66 'graph.gv:2: node `sub`: graph=`none.gv`: No such file or directory' <<-'END'
	digraph {
	    sub [graph="none.gv"] }
	END
	mkfifo fifo
	wrong 71 'graph.gv:1: node `sub`: graph=`fifo`: Invalid argument' <<-'END'
	digraph { sub [graph="fifo"] }
	END
}

@test "subgraph: a file that holds itself is refused with the chain" {
	inner <<<'digraph { a [graph="b.gv"] }'
	inner b.gv <<<'digraph { b [graph="./inner.gv"] }'
	wrong 65 'b.gv:1: node `b`: graph=`./inner.gv`: a graph cannot hold itself: inner.gv -> b.gv -> ./inner.gv' <<-'END'
	digraph { sub [graph="inner.gv"] }
	END
	wrong 65 'graph.gv:1: node `sub`: graph=`graph.gv`: a graph cannot hold itself: graph.gv -> graph.gv' <<-'END'
	digraph { sub [graph="graph.gv"] }
	END
}

@test "subgraph: an edge to a port that is not there is refused" {
	inner <<<'digraph { a [cmd=true]; a -> o; o [file="o"] }'
	wrong 65 'graph.gv:2: `cat -> sub`: no edge of `inner.gv` leaves stdin' \
		'graph.gv:3: `sub -> sort`: nothing in `inner.gv` writes to stdout' <<-'END'
	digraph {
	    cat -> sub
	    sub -> sort
	    sub [graph="inner.gv"]
	}
	END
	inner <<<'digraph { stdin -> cat }'
	wrong 65 'graph.gv:1: `x -> sub:3`: descriptor 3 of `sub` is no input of a graph; ports of graphs are in, out, err, and names' <<-'END'
	digraph { x -> sub:3; sub [graph="inner.gv"] }
	END
}

@test "subgraph: the graph may be fed its own output, marked as a cycle" {
	inner <<<'digraph { stdin -> x; x [cmd="echo 1; read a; echo $a >&2"] }'
	graph <<<'digraph { sub -> sub [back=true]; sub [graph="inner.gv"] }'
	mg graph.gv
	with 0 ""
	same 1 "$stderr"
}

@test "subgraph: a failure inside names the node, the file and the line" {
	inner <<-'END'
	digraph {
	    stdin -> bad
	    bad [cmd="exit 3"]
	}
	END
	graph <<<'digraph { cat -> sub; sub [graph="inner.gv"] }'
	mg --report=r.json graph.gv
	with 3 ""
	has "$stderr" "sub/bad: exit 3"
	has "$stderr" "(line 2 of inner.gv)"
	run cat r.json
	has "$output" '"name": "sub/bad"'
	has "$output" '"file": "inner.gv"'
	has "$output" '"to": "sub/bad"'
}

@test "subgraph: eof=exit of either graph holds the end of file back" {
	inner <<<'digraph { graph [eof=exit]; stdin -> last; last [cmd="cat >/dev/null; echo whole"] }'
	graph <<<'digraph { x [cmd="echo part; exit 4"]; x -> sub; sub [graph="inner.gv"] }'
	mg graph.gv
	with 4 ""
}

@test "subgraph: --cmd reaches inner nodes by their full names" {
	inner <<<'digraph { stdin -> a; a [cmd="wc -c"] }'
	graph <<<'digraph { "echo x" -> sub; sub [graph="inner.gv"] }'
	mg --cmd 'sub/a=sed s/$/!/' graph.gv
	with 0 'x!'
}

@test "subgraph: run alone, the file does what it does as a node" {
	inner <<<'digraph { stdin -> "tr a-z A-Z" }'
	output=$(echo a | timeout 20 "$MG" inner.gv)
	same A "$output"
}

@test "subgraph: --dot draws clusters, which dot takes without a warning" {
	inner <<<'digraph { stdin -> deep -> "sed s/a/b/"; deep [graph="deep.gv"] }'
	inner deep.gv <<<'digraph { stdin -> "tr a b" }'
	graph <<<'digraph { cat -> sub -> sort; sub [graph="inner.gv"] }'
	mg --dot graph.gv
	with 0
	has "$output" 'subgraph "cluster sub" {'
	has "$output" 'subgraph "cluster sub/deep" {'
	[ "$(grep -c 'label="tr a b"' <<<"$output")" -eq 1 ]
	command -v dot >/dev/null || skip "no dot"
	dot -Tsvg <<<"$output" >graph.svg 2>errors
	same "" "$(<errors)"
	[ "$(grep -c '<g id="clust' graph.svg)" -eq 2 ]
}
