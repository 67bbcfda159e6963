/* SPDX-License-Identifier: GPL-3.0-or-later */
/* size: durations and sizes are read exactly, or refused. */
#include "config.h"

#include <errno.h>
#include <stddef.h>

#include "size.h"
#include "tap.h"

#define SECOND INT64_C(1000000000)
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void
check_durations(void)
{
	static const struct {
		const char *text;
		int64_t wanted;
	} cases[] = {
		{ "0", 0 },
		{ "0.0s", 0 },
		{ "1", SECOND },
		{ "1.5", 3 * SECOND / 2 },
		{ ".5", SECOND / 2 },
		{ "500ms", SECOND / 2 },
		{ "10us", 10000 },
		{ "7ns", 7 },
		{ "3s", 3 * SECOND },
		{ "2m", 120 * SECOND },
		{ "1h", 3600 * SECOND },
		{ "1d", 86400 * SECOND },
		{ "0.1", SECOND / 10 },
		{ "0.3", 300000000 },
		{ "0.000000001", 1 },
		/* Never 0, which would mean no time limit at all. */
		{ "0.0000000001", 1 },
		{ "1.0000000001", SECOND + 1 },
		{ "0.1234567891", 123456790 },
		{ "000000000000000000000000000001", SECOND },
		{ "1.0000000000000000000000000000000", SECOND },
		{ "9223372036.854775807", INT64_MAX },
		{ "9223372036854775807ns", INT64_MAX },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t got = -1;
		int result = flow_duration_parse(cases[i].text, &got);

		if (!ok(!result && got == cases[i].wanted,
			"duration: \"%s\" is %" PRId64 " ns", cases[i].text,
			cases[i].wanted))
			tap_note("result %d, %" PRId64 " ns", result, got);
	}
}

static void
check_refused_durations(void)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", EINVAL },
		{ "s", EINVAL },
		{ ".", EINVAL },
		{ "1.", EINVAL },
		{ ".s", EINVAL },
		{ "-1", EINVAL },
		{ "-0", EINVAL },
		{ "+1", EINVAL },
		{ " 1", EINVAL },
		{ "1 ", EINVAL },
		{ "1 s", EINVAL },
		{ "1,5", EINVAL },
		{ "1.5.5", EINVAL },
		{ "1e3", EINVAL },
		{ "0x10", EINVAL },
		{ "inf", EINVAL },
		{ "nan", EINVAL },
		{ "1S", EINVAL },
		{ "1sec", EINVAL },
		{ "1ss", EINVAL },
		{ "1h30m", EINVAL },
		{ "99999999999999999999x", EINVAL },
		{ "9223372036.854775808", ERANGE },
		{ "293y", EINVAL },
		{ "106752d", ERANGE },
		{ "18446744073709551616ns", ERANGE },
		{ "99999999999999999999999999999999999999999", ERANGE },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t got = -7;
		int result, error;

		errno = 0;
		result = flow_duration_parse(cases[i].text, &got);
		error = errno;
		if (!ok(result == -1 && error == cases[i].error && got == -7,
			"duration: \"%s\" is refused: %s", cases[i].text,
			strerror(cases[i].error)))
			tap_note("result %d, %s", result, strerror(error));
	}
}

static void
check_sizes(void)
{
	static const struct {
		const char *text;
		uint64_t wanted;
	} cases[] = {
		{ "0", 0 },
		{ "4096", 4096 },
		{ "4096B", 4096 },
		{ "64K", 65536 },
		{ "64k", 65536 },
		{ "64KiB", 65536 },
		{ "1kB", 1000 },
		{ "1KB", 1000 },
		{ "1M", 1048576 },
		{ "5MB", 5000000 },
		{ "2G", UINT64_C(2147483648) },
		{ "1T", UINT64_C(1099511627776) },
		{ "1TB", UINT64_C(1000000000000) },
		{ "1PiB", UINT64_C(1125899906842624) },
		{ "1.5K", 1536 },
		{ ".5K", 512 },
		{ "1.1K", 1127 },
		{ "0.0001K", 1 },
		{ "0.1kB", 100 },
		{ "15E", UINT64_C(15) << 60 },
		{ "18446744073709551615", UINT64_MAX },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t got = 77;
		int result = flow_size_parse(cases[i].text, &got);

		if (!ok(!result && got == cases[i].wanted,
			"size: \"%s\" is %" PRIu64 " bytes", cases[i].text,
			cases[i].wanted))
			tap_note("result %d, %" PRIu64 " bytes", result, got);
	}
}

static void
check_refused_sizes(void)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{ "", EINVAL },
		{ "K", EINVAL },
		{ "1.5", EINVAL },
		{ "1.0B", EINVAL },
		{ "1.K", EINVAL },
		{ "-1", EINVAL },
		{ "-1K", EINVAL },
		{ "+1K", EINVAL },
		{ " 1K", EINVAL },
		{ "1 K", EINVAL },
		{ "1K ", EINVAL },
		{ "1Ki", EINVAL },
		{ "1KiBs", EINVAL },
		{ "1iB", EINVAL },
		{ "1BB", EINVAL },
		{ "1m", EINVAL },
		{ "1Z", EINVAL },
		{ "0x10", EINVAL },
		{ "99999999999999999999q", EINVAL },
		{ "18446744073709551616", ERANGE },
		{ "16E", ERANGE },
		{ "99999999999999999999999999999K", ERANGE },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t got = 77;
		int result, error;

		errno = 0;
		result = flow_size_parse(cases[i].text, &got);
		error = errno;
		if (!ok(result == -1 && error == cases[i].error && got == 77,
			"size: \"%s\" is refused: %s", cases[i].text,
			strerror(cases[i].error)))
			tap_note("result %d, %s", result, strerror(error));
	}
}

static void
check_written_sizes(void)
{
	static const struct {
		uint64_t bytes;
		const char *wanted;
	} cases[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1 KiB" },
		{ 1536, "1.5 KiB" },
		{ 65536, "64 KiB" },
		{ 1572864, "1.5 MiB" },
		/* A hair under a MiB is not "1024 KiB". */
		{ 1048575, "1 MiB" },
		{ 1048473, "1023.9 KiB" },
		{ UINT64_C(4) << 30, "4 GiB" },
		{ UINT64_MAX, "16 EiB" },
	};
	char buffer[16];

	for (size_t i = 0; i < COUNT(cases); i++)
		ok_text(flow_size_format(cases[i].bytes, buffer,
					 sizeof(buffer)),
			cases[i].wanted, cases[i].wanted);
}

int
main(void)
{
	check_durations();
	check_refused_durations();
	check_sizes();
	check_refused_sizes();
	check_written_sizes();
	return tap_done();
}
