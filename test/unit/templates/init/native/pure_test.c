/* The parts of crac-init that make no system call, on the host's libc and under sanitizers. */
#include "tap.h"
#include "../../../../../templates/init/address.h"
#include "../../../../../templates/init/criu_log.h"
#include "../../../../../templates/init/glob.h"
#include "../../../../../templates/init/mem.h"
#include "../../../../../templates/init/options.h"
#include "../../../../../templates/init/record.h"

static void test_text(void)
{
	char room[16];
	struct text text = text_over(room, sizeof(room));

	text_add_number(&text, 0);
	CHECK_TEXT(room, "0");
	text_clear(&text);
	text_add_number(&text, 9876543210);
	CHECK_TEXT(room, "9876543210");
	text_clear(&text);
	text_add_number(&text, UINT64_MAX);
	CHECK_TEXT(room, "184467440737...");
	text_clear(&text);
	text_add_hex(&text, 0);
	CHECK_TEXT(room, "0x0");
	text_clear(&text);
	text_add_hex(&text, 0xdeadbeef);
	CHECK_TEXT(room, "0xdeadbeef");
	text_clear(&text);
	text_add_printable(&text, "a\nb\x7f\x1b", 5);
	CHECK_TEXT(room, "a?b??");
	text_clear(&text);
	text_add(&text, "123456789012345");
	CHECK_TEXT(room, "123456789012345");
	CHECK(!text.cut);
	text_add(&text, "6");
	CHECK_TEXT(room, "123456789012...");
	text_add(&text, "more");
	CHECK_TEXT(room, "123456789012...");
	text_clear(&text);
	/* The cut would fall into the middle of a letter of two bytes. */
	text_add(&text, "12345678901\xc3\xa4\xc3\xa4\xc3\xa4");
	CHECK_TEXT(room, "12345678901...");
	text_clear(&text);
	text_add_json(&text, "a\"\\\n");
	CHECK_TEXT(room, "\"a\\\"\\\\\\u000a\"");
	text_clear(&text);
	text_add_errno(&text, -2);
	CHECK_TEXT(room, "ENOENT");
	text_clear(&text);
	text_add_errno(&text, -4000);
	CHECK_TEXT(room, "error 4000");
	CHECK_TEXT(name_at("a\0bc\0", 1), "bc");
	CHECK_TEXT(name_at("a\0bc\0", 7), "");
}

static void test_numbers(void)
{
	u64 number = 7;
	u32 duration = 7;

	CHECK(parse_number("0", 10, &number) && number == 0);
	CHECK(parse_number("18446744073709551615", UINT64_MAX, &number) && number == UINT64_MAX);
	CHECK(!parse_number("18446744073709551616", UINT64_MAX, &number));
	CHECK(!parse_number("11", 10, &number));
	CHECK(!parse_number("", 10, &number));
	CHECK(!parse_number("-1", 10, &number));
	CHECK(!parse_number("1 ", 10, &number));
	CHECK(parse_hex("0xFf", &number) && number == 255);
	CHECK(parse_hex("200000", &number) && number == 0x200000);
	CHECK(parse_hex("ffffffffffffffff", &number) && number == UINT64_MAX);
	CHECK(!parse_hex("10000000000000000", &number));
	CHECK(!parse_hex("0x", &number));
	CHECK(!parse_hex("0xg", &number));
	CHECK(parse_duration("1500", &duration) && duration == 1500);
	CHECK(parse_duration("1500ms", &duration) && duration == 1500);
	CHECK(parse_duration("15s", &duration) && duration == 15000);
	CHECK(parse_duration("86400s", &duration) && duration == 86400000);
	CHECK(!parse_duration("86401s", &duration));
	CHECK(!parse_duration("0", &duration));
	CHECK(!parse_duration("", &duration));
	CHECK(!parse_duration("s", &duration));
	CHECK(!parse_duration("1m", &duration));
	CHECK(!parse_duration("1.5s", &duration));
	CHECK(!parse_duration("99999999999999999999", &duration));
}

static bool matches(const char *pattern, const char *text)
{
	return glob_match(pattern, text, strlen(text));
}

static void test_glob(void)
{
	CHECK(matches("HOSTNAME", "HOSTNAME"));
	CHECK(!matches("HOSTNAME", "HOSTNAMES"));
	CHECK(!matches("HOSTNAME", "HOSTNAM"));
	CHECK(matches("*", ""));
	CHECK(matches("KUBERNETES_*", "KUBERNETES_"));
	CHECK(matches("*_SERVICE_*", "MY_SERVICE_PORT"));
	CHECK(!matches("*_SERVICE_*", "MY_SERVICE"));
	CHECK(matches("*_PORT*", "A_PORT_80_TCP"));
	CHECK(matches("**a**b", "xaab"));
	CHECK(!matches("a*b", "ac"));
	CHECK(matches("a*b*c", "abbbc"));
	CHECK(!matches("", "a"));
	CHECK(matches("", ""));
	CHECK(!matches("?", "a"));
	/* Would take for ever with a matcher that tries all splits. */
	CHECK(!matches("*a*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	CHECK(glob_match("AB", "ABC", 2));
}

static void test_options(void)
{
	struct option options[] = {{"--pid", true, NULL}, {"--cwd", false, NULL}};
	char *good[] = {"--pid", "40", "--", "java", "--cwd", NULL};
	char *unknown[] = {"--pdi", "40", NULL};
	char *without_value[] = {"--pid", NULL};
	char *twice[] = {"--pid", "1", "--pid", "2", NULL};
	char *missing[] = {"--cwd", "/", NULL};
	char **command;
	char room[64];
	struct text error = text_over(room, sizeof(room));

	CHECK(options_parse(options, 2, good, &command, &error));
	CHECK_TEXT(options[0].value, "40");
	CHECK(!options[1].value);
	CHECK_TEXT(command[1], "--cwd");
#define REFUSES(arguments, text)                                                          \
	options[0].value = options[1].value = NULL;                                       \
	text_clear(&error);                                                               \
	CHECK(!options_parse(options, 2, arguments, &command, &error));                   \
	CHECK_TEXT(room, text)
	REFUSES(unknown, "unknown option --pdi");
	REFUSES(without_value, "no value for --pid");
	REFUSES(twice, "given twice: --pid");
	REFUSES(missing, "missing option --pid");
}

static void test_lists(void)
{
	struct groups groups;
	char many[65 * 2] = {0};

	CHECK(parse_groups("", &groups) && groups.count == 0);
	CHECK(parse_groups("0", &groups) && groups.count == 1 && groups.ids[0] == 0);
	CHECK(parse_groups("1,22,4294967295", &groups) && groups.count == 3 && groups.ids[2] == UINT32_MAX);
	CHECK(!parse_groups("4294967296", &groups));
	CHECK(!parse_groups("1,", &groups));
	CHECK(!parse_groups(",1", &groups));
	CHECK(!parse_groups("a", &groups));
	for (int i = 0; i < 65; i++)
		memcpy(many + 2 * i, "1,", 2);
	many[65 * 2 - 1] = 0;
	CHECK(!parse_groups(many, &groups));
	many[64 * 2 - 1] = 0;
	CHECK(parse_groups(many, &groups) && groups.count == 64);
	CHECK(status_list_is_good("200-399"));
	CHECK(status_list_is_good("200,204,300-399"));
	CHECK(!status_list_is_good(""));
	CHECK(!status_list_is_good("200-"));
	CHECK(!status_list_is_good("2xx"));
	CHECK(status_expected("200-399", 200) && status_expected("200-399", 399) && !status_expected("200-399", 400));
	CHECK(status_expected("200,404", 404) && !status_expected("200,404", 403));
}

static void test_addresses(void)
{
	static const u8 loopback[16] = {[15] = 1};
	static const u8 documentation[16] = {0x20, 0x01, 0x0d, 0xb8, [14] = 0xff, [15] = 0x01};
	struct address address;

	CHECK(parse_address("127.0.0.1", &address) && !address.v6 && memcmp(address.bytes, "\x7f\0\0\1", 4) == 0);
	CHECK(parse_address("255.255.255.255", &address));
	CHECK(!parse_address("256.0.0.1", &address));
	CHECK(!parse_address("1.2.3", &address));
	CHECK(!parse_address("1.2.3.4.5", &address));
	CHECK(!parse_address("localhost", &address));
	CHECK(parse_address("::1", &address) && address.v6 && memcmp(address.bytes, loopback, 16) == 0);
	CHECK(parse_address("::", &address) && address.v6);
	CHECK(parse_address("2001:db8::ff01", &address) && memcmp(address.bytes, documentation, 16) == 0);
	CHECK(parse_address("2001:DB8:0:0:0:0:0:FF01", &address) && memcmp(address.bytes, documentation, 16) == 0);
	CHECK(parse_address("fe80::", &address));
	CHECK(!parse_address("1:2:3:4:5:6:7", &address));
	CHECK(!parse_address("1:2:3:4:5:6:7:8:9", &address));
	CHECK(!parse_address("1::2::3", &address));
	CHECK(!parse_address("12345::", &address));
	CHECK(!parse_address(":1", &address));
	CHECK(!parse_address("1:2:3:4:5:6:7:", &address));
	CHECK(!parse_address("", &address));
}

static void test_criu_log(void)
{
	static const char missing_file[] = "(00.022800)     40: Error (criu/files-reg.c:2353): Can't open file tmp/app.log on restore: No such file\n"
					   "(00.022805)     40: Error (criu/files.c:1221): Unable to open fd=4 id=0x17\n"
					   "(00.022851) Error (criu/cr-restore.c:2331): Restoring FAILED.\n"
					   "(00.023905) Error (criu/cr-restore.c:1269): 40 killed by signal 9: Killed\n";
	static const char pid_taken[] = "(00.01) Error (criu/cr-restore.c:1237): Can't fork for 40: File exists\n(00.02) Error (criu/cr-restore.c:2331): Restoring FAILED.";
	static const char fine[] = "(00.01) Warn  (criu/x.c:1): no Errors: here\n(00.02) ok\n\n";
	char room[128];
	struct text text = text_over(room, sizeof(room));

	CHECK(text_add_criu_reason(&text, missing_file, sizeof(missing_file) - 1));
	CHECK_TEXT(room, "Can't open file tmp/app.log on restore: No such file");
	text_clear(&text);
	CHECK(text_add_criu_reason(&text, pid_taken, sizeof(pid_taken) - 1));
	CHECK_TEXT(room, "Can't fork for 40: File exists");
	text_clear(&text);
	CHECK(!text_add_criu_reason(&text, fine, sizeof(fine) - 1));
	CHECK(text_add_last_line(&text, fine, sizeof(fine) - 1));
	CHECK_TEXT(room, "(00.02) ok");
	CHECK(!text_add_last_line(&text, "\n\n", 2));
	CHECK(!text_add_criu_reason(&text, "", 0));
	CHECK(!text_add_criu_reason(&text, "Error", 5));
	CHECK(!text_add_criu_reason(&text, "Error:", 6));
}

/* By the definition, bit by bit, at every alignment. */
static bool sums_are_right(void)
{
	static u8 bytes[300];

	for (usize i = 0; i < sizeof(bytes); i++)
		bytes[i] = (u8)(i * 157 ^ i >> 3);
	memset(bytes + 100, 0, 4);
	for (usize start = 0; start < 9; start++) {
		for (usize size = 120; size < sizeof(bytes) - 9; size++) {
			u32 crc = 0xffffffff;
			u32 around;

			for (usize i = 0; i < size * 8; i++)
				crc = crc >> 1 ^ ((crc ^ bytes[start + i / 8] >> i % 8) & 1 ? 0xedb88320 : 0);
			bytes[101] = 7;
			around = crc32_around(bytes + start, size, 100 - start);
			bytes[101] = 0;
			if (crc32_add(0, bytes + start, size) != ~crc || around != ~crc)
				return false;
		}
	}
	return true;
}

static void test_sums(void)
{
	CHECK(crc32_add(0, (const u8 *)"123456789", 9) == 0xcbf43926);
	CHECK(crc32_add(crc32_add(0, (const u8 *)"1234", 4), (const u8 *)"56789", 5) == 0xcbf43926);
	CHECK(sums_are_right());
	CHECK(hash_bytes("foobar", 6) == 0x85944171f73967e8ull);
}

static void test_environment_value(void)
{
	char *envp[] = {"PATHS=x", "PATH=y", "EMPTY=", "PATH=z", NULL};

	CHECK_TEXT(environment_value(envp, "PATH"), "y");
	CHECK_TEXT(environment_value(envp, "EMPTY"), "");
	CHECK(!environment_value(envp, "PAT"));
}

int main(void)
{
	test_text();
	test_numbers();
	test_glob();
	test_options();
	test_lists();
	test_addresses();
	test_criu_log();
	test_sums();
	test_environment_value();
	TAP_END();
	return 0;
}
