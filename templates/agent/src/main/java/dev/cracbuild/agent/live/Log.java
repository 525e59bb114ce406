package dev.cracbuild.agent.live;

/** One line each on standard error. No value of a variable is ever printed. */
final class Log {
    private Log() {
    }

    static void line(String text) {
        System.err.println("crac-build: " + text);
    }

    static void line(String text, Throwable reason) {
        line(text + ": " + reason);
    }

    static void trace(String text, Throwable reason) {
        line(text + ":");
        reason.printStackTrace();
    }
}
