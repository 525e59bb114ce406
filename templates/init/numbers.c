#include "text.h"
#include "mem.h"

bool parse_number(const char *string, u64 maximum, u64 *number)
{
	u64 value = 0;

	if (!*string)
		return false;
	for (; *string; string++) {
		if (*string < '0' || *string > '9')
			return false;
		if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, (u64)(*string - '0'), &value))
			return false;
	}
	*number = value;
	return value <= maximum;
}

bool parse_hex(const char *string, u64 *number)
{
	u64 value = 0;
	usize digits = 0;

	if (text_begins(string, "0x"))
		string += 2;
	for (; *string; string++, digits++) {
		char c = *string;
		u64 digit;

		if (c >= '0' && c <= '9')
			digit = (u64)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (u64)((c | 0x20) - 'a' + 10);
		else
			return false;
		if (value >> 60)
			return false;
		value = value << 4 | digit;
	}
	*number = value;
	return digits > 0;
}

bool parse_duration(const char *string, u32 *milliseconds)
{
	char digits[12];
	usize length = 0;
	u64 value;
	u64 unit = 1;

	while (string[length] >= '0' && string[length] <= '9')
		length++;
	if (length >= sizeof(digits))
		return false;
	memcpy(digits, string, length);
	digits[length] = 0;
	if (text_equal(string + length, "s"))
		unit = 1000;
	else if (string[length] && !text_equal(string + length, "ms"))
		return false;
	if (!parse_number(digits, 86400000, &value) || value == 0 || value * unit > 86400000)
		return false;
	*milliseconds = (u32)(value * unit);
	return true;
}
