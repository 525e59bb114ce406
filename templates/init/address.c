#include "address.h"
#include "mem.h"

static bool parse_v4(const char *text, u8 *bytes)
{
	for (int i = 0; i < 4; i++) {
		u32 value = 0;
		int digits = 0;

		for (; *text >= '0' && *text <= '9' && digits < 3; text++, digits++)
			value = value * 10 + (u32)(*text - '0');
		if (!digits || value > 255)
			return false;
		bytes[i] = (u8)value;
		if (i < 3 && *text++ != '.')
			return false;
	}
	return !*text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 4291, section 2.2: eight groups, of which "::" stands for those that are zero. */
static bool parse_v6(const char *text, u8 *bytes)
{
	u8 groups[16];
	usize size = 0;
	usize gap = SIZE_MAX;

	if (text[0] == ':' && text[1] != ':')
		return false;
	if (text[0] == ':')
		text++;
	while (*text) {
		u32 value = 0;
		int digits = 0;

		if (*text == ':') {
			if (gap != SIZE_MAX)
				return false;
			gap = size;
			text++;
			continue;
		}
		for (; hex_digit(*text) >= 0 && digits < 4; text++, digits++)
			value = value << 4 | (u32)hex_digit(*text);
		if (!digits || size == sizeof(groups))
			return false;
		groups[size++] = (u8)(value >> 8);
		groups[size++] = (u8)value;
		if (*text && *text != ':')
			return false;
		if (*text == ':' && !*++text)
			return false;
	}
	if (gap == SIZE_MAX ? size != sizeof(groups) : size == sizeof(groups))
		return false;
	memset(bytes, 0, 16);
	if (gap == SIZE_MAX)
		gap = size;
	memcpy(bytes, groups, gap);
	memcpy(bytes + 16 - (size - gap), groups + gap, size - gap);
	return true;
}

bool parse_address(const char *text, struct address *address)
{
	memset(address, 0, sizeof(*address));
	if (parse_v4(text, address->bytes))
		return true;
	address->v6 = parse_v6(text, address->bytes);
	return address->v6;
}
