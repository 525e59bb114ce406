/* compare_environment RECORD NAME=VALUE...: what the policy says to these variables. */
#include "records.h"
#include "../../../../../templates/init/environment.h"

int main(int argc, char **argv)
{
	static const char *const verdicts[] = {"same", "jvm-options", "different"};
	FILE *file = argc >= 2 ? fopen(argv[1], "rb") : NULL;
	char room[300];
	struct text names = text_over(room, sizeof(room));
	struct record record;
	enum environment_verdict verdict;
	void *bytes;
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0)
		return 2;
	rewind(file);
	bytes = read_exactly(file, (size_t)size);
	fclose(file);
	if (record_open(bytes, (size_t)size, &record))
		return 3;
	verdict = environment_compare(&record, argv + 2, &names);
	printf("%s %s\n", verdicts[verdict], names.at);
	free(bytes);
	return 0;
}
