package dev.cracbuild.agent.live;

/** What tells the application; without callbacks nothing. */
public class Callbacks {
    /** For those that do. */
    protected Callbacks() {
    }

    /** @return what the application threw; each reason is one of its suppressed exceptions */
    protected Throwable before() {
        return null;
    }

    /** @return as before */
    protected Throwable after() {
        return null;
    }

    /**
     * @param reason why there is no checkpoint
     * @return what Core.checkpointRestore throws
     */
    protected Throwable refusal(String reason) {
        return new IllegalStateException(reason);
    }
}
