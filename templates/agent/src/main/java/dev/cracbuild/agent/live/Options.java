package dev.cracbuild.agent.live;

/** What stands after the `=` of -javaagent: words NAME=VALUE with commas between them. */
public final class Options {
    /** The file whose mapping carries the coordination; see Page. */
    static final String MAPPING = "/.crac-build/generation";

    private static String text = "";
    private static String jar;

    private Options() {
    }

    /**
     * @param options as the JVM hands them over, may be null
     * @param agent path of the jar: the second batch of changes is read from it at `prepare`
     */
    public static void set(String options, String agent) {
        text = options == null ? "" : options;
        jar = agent;
    }

    static String jar() {
        return jar;
    }

    /** `auto` supplies jdk.crac, `on` org.crac as well, `off` nothing. */
    public static String callbacks() {
        return get(text, "callbacks", "auto");
    }

    static boolean explain() {
        return get(text, "explain", "false").equals("true");
    }

    /** Names of variables that were read before the checkpoint: a restore that finds one changed says so. */
    static String[] frozen() {
        String names = get(text, "frozen", "");
        return names.isEmpty() ? new String[0] : names.split(":");
    }

    /**
     * @param options the whole text, may be null
     * @return the path of the mapped file
     */
    public static String mapping(String options) {
        return get(options == null ? "" : options, "mapping", MAPPING);
    }

    static String mapping() {
        return mapping(text);
    }

    private static String get(String options, String name, String otherwise) {
        int at = 0;
        while (at < options.length()) {
            int end = options.indexOf(',', at);
            if (end < 0) end = options.length();
            if (options.startsWith(name, at) && at + name.length() < end && options.charAt(at + name.length()) == '=') {
                return options.substring(at + name.length() + 1, end);
            }
            at = end + 1;
        }
        return otherwise;
    }
}
