package dev.cracbuild.agent.live;

/** What stands after the `=` of -javaagent: words NAME=VALUE with commas between them. */
public final class Options {
    private static String text = "";
    private static String jar;
    private static String mapping;

    private Options() {
    }

    /**
     * @param options as the JVM hands them over, may be null
     * @param agent path of the jar: what is needed before a checkpoint is read from it then
     * @param file path of what is mapped, see Page
     */
    public static void set(String options, String agent, String file) {
        text = options == null ? "" : options;
        jar = agent;
        mapping = file;
    }

    static String jar() {
        return jar;
    }

    /** `auto` supplies jdk.crac, `on` org.crac as well, `off` nothing. */
    static String callbacks() {
        return get("callbacks", "auto");
    }

    static boolean explain() {
        return get("explain", "false").equals("true");
    }

    /** Names of variables that were read before the checkpoint: a restore that finds one changed says so. */
    static String[] frozen() {
        String names = get("frozen", "");
        return names.isEmpty() ? new String[0] : names.split(":");
    }

    static String mapping() {
        return mapping;
    }

    private static String get(String name, String otherwise) {
        int at = 0;
        while (at < text.length()) {
            int end = text.indexOf(',', at);
            if (end < 0) end = text.length();
            if (text.startsWith(name, at) && at + name.length() < end && text.charAt(at + name.length()) == '=') {
                return text.substring(at + name.length() + 1, end);
            }
            at = end + 1;
        }
        return otherwise;
    }
}
