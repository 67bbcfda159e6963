/* SPDX-License-Identifier: GPL-3.0-or-later */
/* foreign: https://graphviz.org/doc/info/attrs.html */
#include "config.h"

#include "foreign.h"

#include <string.h>

#include "attributes.h"
#include "near.h"

static const char *const names[] = {
	"Damping",
	"K",
	"TBbalance",
	"URL",
	"_background",
	"_draw_",
	"_hdraw_",
	"_hldraw_",
	"_ldraw_",
	"_tdraw_",
	"_tldraw_",
	"area",
	"arrowhead",
	"arrowsize",
	"arrowtail",
	"bb",
	"beautify",
	"bgcolor",
	"center",
	"charset",
	"class",
	"cluster",
	"clusterrank",
	"color",
	"colorscheme",
	"comment",
	"compound",
	"concentrate",
	"constraint",
	"decorate",
	"defaultdist",
	"dim",
	"dimen",
	"dir",
	"diredgeconstraints",
	"distortion",
	"dpi",
	"edgeURL",
	"edgehref",
	"edgetarget",
	"edgetooltip",
	"epsilon",
	"esep",
	"fillcolor",
	"fixedsize",
	"fontcolor",
	"fontname",
	"fontnames",
	"fontpath",
	"fontsize",
	"forcelabels",
	"gradientangle",
	"group",
	"headURL",
	"head_lp",
	"headclip",
	"headhref",
	"headlabel",
	"headport",
	"headtarget",
	"headtooltip",
	"height",
	"href",
	"id",
	"image",
	"imagepath",
	"imagepos",
	"imagescale",
	"inputscale",
	"label",
	"labelURL",
	"label_scheme",
	"labelangle",
	"labeldistance",
	"labelfloat",
	"labelfontcolor",
	"labelfontname",
	"labelfontsize",
	"labelhref",
	"labeljust",
	"labelloc",
	"labeltarget",
	"labeltooltip",
	"landscape",
	"layer",
	"layerlistsep",
	"layers",
	"layerselect",
	"layersep",
	"layout",
	"len",
	"levels",
	"levelsgap",
	"lheight",
	"linelength",
	"lp",
	"ltail",
	"lhead",
	"lwidth",
	"margin",
	"maxiter",
	"mclimit",
	"mindist",
	"minlen",
	"mode",
	"model",
	"newrank",
	"nodesep",
	"nojustify",
	"normalize",
	"notranslate",
	"nslimit",
	"nslimit1",
	"oneblock",
	"ordering",
	"orientation",
	"outputorder",
	"overlap",
	"overlap_scaling",
	"overlap_shrink",
	"pack",
	"packmode",
	"pad",
	"page",
	"pagedir",
	"pencolor",
	"penwidth",
	"peripheries",
	"pin",
	"pos",
	"quadtree",
	"quantum",
	"radius",
	"rank",
	"rankdir",
	"ranksep",
	"ratio",
	"rects",
	"regular",
	"remincross",
	"repulsiveforce",
	"resolution",
	"root",
	"rotate",
	"rotation",
	"samehead",
	"sametail",
	"samplepoints",
	"scale",
	"searchsize",
	"sep",
	"shape",
	"shapefile",
	"showboxes",
	"sides",
	"size",
	"skew",
	"smoothing",
	"sortv",
	"splines",
	"start",
	"style",
	"stylesheet",
	"tailURL",
	"tail_lp",
	"tailclip",
	"tailhref",
	"taillabel",
	"tailport",
	"tailtarget",
	"tailtooltip",
	"target",
	"tooltip",
	"truecolor",
	"vertices",
	"viewport",
	"voro_margin",
	"weight",
	"width",
	"xdotversion",
	"xlabel",
	"xlp",
	"z",
};
enum { NAMES = sizeof names / sizeof *names };

bool
flow_foreign_is(const char *name)
{
	size_t i;

	for (i = 0; i < NAMES; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

const char *
flow_foreign_near(const char *name)
{
	return flow_near(name, names, NAMES);
}

const char *
flow_foreign_meant(const char *name, unsigned on)
{
	static const struct {
		const char *name;
		unsigned on;
		const char *meant;
	} meanings[] = {
		{ "size", FLOW_ON_EDGE, "capacity" },
		{ "sep", FLOW_ON_EDGE, "record" },
		{ "mode", FLOW_ON_EDGE, "merge" },
		{ "mode", FLOW_ON_NODE, "commit" },
		{ "size", FLOW_ON_NODE, "capacity" },
		{ "sep", FLOW_ON_NODE, "record" },
		{ "dir", FLOW_ON_NODE, "cwd" },
		{ "target", FLOW_ON_NODE, "file" },
		{ "root", FLOW_ON_NODE, "cwd" },
		{ "ordering", FLOW_ON_EDGE, "nth" },
	};
	size_t i;

	for (i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (meanings[i].on == on && strcmp(meanings[i].name, name) == 0)
			return meanings[i].meant;
	return NULL;
}
