package dev.cracbuild.agent.live;

import jdk.internal.misc.Signal;

/**
 * SIGURG wakes the agent at once, also where a clock that went back holds a timed wait. It is ignored by default, and neither the JVM
 * nor terminals send it. A signal proves nothing: what has happened is read from the page.
 */
final class Wake implements Signal.Handler {
    private Wake() {
    }

    static void onSignal() {
        try {
            Signal.handle(new Signal("URG"), new Wake());
        } catch (IllegalArgumentException e) {
            // Taken by the application's native code, or the JVM runs with -Xrs: the agent looks every few milliseconds anyway.
            return;
        }
    }

    @Override
    public void handle(Signal signal) {
        Coordinator.instance().wake();
    }
}
