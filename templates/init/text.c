#include "text.h"
#include "mem.h"

struct text text_over(char *buffer, usize room)
{
	struct text text = {buffer, 0, room, false};

	buffer[0] = 0;
	return text;
}

void text_clear(struct text *text)
{
	text->size = 0;
	text->cut = false;
	text->at[0] = 0;
}

/* Ends a full text in "...", in front of which no UTF-8 sequence is left half. */
static void cut(struct text *text)
{
	usize end = text->size;

	text->cut = true;
	if (text->room < 4)
		return;
	if (end > text->room - 4)
		end = text->room - 4;
	while (end > 0 && ((u8)text->at[end] & 0xc0) == 0x80)
		end--;
	memcpy(text->at + end, "...", 4);
	text->size = end + 3;
}

void text_add_bytes(struct text *text, const char *bytes, usize size)
{
	usize free = text->room - 1 - text->size;

	if (text->cut)
		return;
	memcpy(text->at + text->size, bytes, size < free ? size : free);
	text->size += size < free ? size : free;
	text->at[text->size] = 0;
	if (size > free)
		cut(text);
}

void text_add(struct text *text, const char *string)
{
	text_add_bytes(text, string, text_length(string));
}

void text_add_printable(struct text *text, const char *bytes, usize size)
{
	for (usize i = 0; i < size; i++) {
		char c = bytes[i];

		if ((u8)c < 0x20 || c == 0x7f)
			c = '?';
		text_add_bytes(text, &c, 1);
	}
}

void text_add_number(struct text *text, u64 number)
{
	char digits[20];
	usize at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	text_add_bytes(text, digits + at, sizeof(digits) - at);
}

void text_add_hex(struct text *text, u64 number)
{
	char digits[18];
	usize at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[number & 15];
		number >>= 4;
	} while (number);
	digits[--at] = 'x';
	digits[--at] = '0';
	text_add_bytes(text, digits + at, sizeof(digits) - at);
}

void text_add_json(struct text *text, const char *string)
{
	text_add(text, "\"");
	for (; *string; string++) {
		char escaped[] = "\\u00??";
		u8 c = (u8)*string;

		if (c == '"' || c == '\\') {
			text_add(text, "\\");
			text_add_bytes(text, string, 1);
		} else if (c < 0x20 || c >= 0x7f) {
			escaped[4] = "0123456789abcdef"[c >> 4];
			escaped[5] = "0123456789abcdef"[c & 15];
			text_add(text, escaped);
		} else {
			text_add_bytes(text, string, 1);
		}
	}
	text_add(text, "\"");
}

/* asm-generic/errno-base.h, asm-generic/errno.h: those that file and process calls give. */
static const struct {
	u8 number;
	char name[14];
} error_names[] = {
	{1, "EPERM"},	 {2, "ENOENT"},	 {3, "ESRCH"},	{4, "EINTR"},	{5, "EIO"},	{6, "ENXIO"},	       {7, "E2BIG"},
	{8, "ENOEXEC"},	 {9, "EBADF"},	 {10, "ECHILD"},	{11, "EAGAIN"}, {12, "ENOMEM"}, {13, "EACCES"},	       {14, "EFAULT"},
	{16, "EBUSY"},	 {17, "EEXIST"}, {18, "EXDEV"}, {19, "ENODEV"}, {20, "ENOTDIR"}, {21, "EISDIR"},	       {22, "EINVAL"},
	{23, "ENFILE"},	 {24, "EMFILE"}, {26, "ETXTBSY"}, {27, "EFBIG"}, {28, "ENOSPC"}, {30, "EROFS"},	       {31, "EMLINK"},
	{32, "EPIPE"},	 {34, "ERANGE"}, {36, "ENAMETOOLONG"}, {38, "ENOSYS"}, {39, "ENOTEMPTY"}, {40, "ELOOP"}, {95, "EOPNOTSUPP"},
	{101, "ENETUNREACH"}, {110, "ETIMEDOUT"}, {111, "ECONNREFUSED"}, {113, "EHOSTUNREACH"}, {122, "EDQUOT"},
};

void text_add_errno(struct text *text, int error)
{
	for (usize i = 0; i < ARRAY_COUNT(error_names); i++) {
		if (error_names[i].number == -error) {
			text_add(text, error_names[i].name);
			return;
		}
	}
	text_add(text, "error ");
	text_add_number(text, (u64)-error);
}

const char *name_at(const char *names, usize index)
{
	while (index-- && *names)
		names += text_length(names) + 1;
	return names;
}
