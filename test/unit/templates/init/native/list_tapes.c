/*
 * Says of every tape on standard input, (u32 size, bytes)*, whether it is good, or what is wrong with it: a line each. What is accepted
 * is looked at once more.
 */
#include "../../../../../templates/init/text.h"
#include "records.h"
#include "tape_model.h"

int main(void)
{
	uint32_t size;

	while (fread(&size, sizeof(size), 1, stdin) == 1) {
		u8 *bytes = read_exactly(stdin, size);
		usize scratch_bytes = tape_scratch_bytes(bytes, size);
		void *scratch = malloc(scratch_bytes);
		struct tape tape;
		u32 step;
		enum tape_error error;

		memset(scratch, 0xa5, scratch_bytes);
		error = tape_open(bytes, size, scratch, &tape, &step);
		printf(error ? "error %s" : "good", error ? name_at(TAPE_ERROR_NAMES, error - 1) : "");
		if (step != TAPE_NO_STEP)
			printf(" step %u", step);
		putchar('\n');
		fflush(stdout);
		if (!error)
			check_accepted(&tape);
		free(scratch);
		free(bytes);
	}
	return 0;
}
