package dev.cracbuild.agent.live;

import java.util.TimerTask;
import java.util.concurrent.TimeUnit;

/**
 * What the changed methods of schedulers call. Their monotonic clock goes on where it stood at the checkpoint: due times stay what they
 * are, whichever thread looks at them first. The wall clock of java.util.Timer is what it is; runs that were missed between checkpoint
 * and restore are left out.
 */
public final class Clock {
    private static final long NEXT = Page.U.objectFieldOffset(TimerTask.class, "nextExecutionTime");
    private static final long PERIOD = Page.U.objectFieldOffset(TimerTask.class, "period");

    private static volatile Jumps jumps = new Jumps(0, 0, 0);

    private Clock() {
    }

    /** The jumps up to a generation: the sum of the monotonic clock's in ns, and the wall clock when it was first seen, in ms. */
    private static final class Jumps {
        final long generation;
        final long monotonic;
        final long restored;

        Jumps(long generation, long monotonic, long restored) {
            this.generation = generation;
            this.monotonic = monotonic;
            this.restored = restored;
        }
    }

    /** In place of System.nanoTime. A restore between the readings makes them differ. */
    public static long nanoTime() {
        long jump = jump();
        for (;;) {
            long time = System.nanoTime();
            long again = jump();
            if (again == jump) return time - jump;
            jump = again;
        }
    }

    /** In TaskQueue.rescheduleMin: the next run of a task at a fixed rate, without those of the time in which there was no process. */
    public static long due(TimerTask task, long time) {
        if (Page.generation() == 0 || Page.realtimeJump() <= 0) return time;
        long period = Page.U.getLong(task, PERIOD);
        long missed = seen().restored - time;
        if (period <= 0 || missed <= 0) return time;
        return time + (missed + period - 1) / period * period;
    }

    /** Counts the jumps of a restore; the first thread that asks does. */
    private static Jumps seen() {
        Jumps known = jumps;
        if (known.generation == Page.generation()) return known;
        synchronized (Clock.class) {
            known = jumps;
            long generation = Page.generation();
            if (known.generation == generation) return known;
            known = new Jumps(generation, known.monotonic + Page.monotonicJump(), System.currentTimeMillis());
            jumps = known;
            return known;
        }
    }

    /** The agent's thread does, where no scheduler has asked. */
    static void count() {
        seen();
    }

    private static long jump() {
        Jumps known = jumps;
        return known.generation == Page.generation() ? known.monotonic : known.monotonic + Page.monotonicJump();
    }

    /** Where the wall clock went back: periodic runs that are now further away than a period come nearer by the jump. */
    static boolean bringNearer(TimerTask task, long now, long jumpMillis) {
        long period = Page.U.getLong(task, PERIOD);
        long next = Page.U.getLong(task, NEXT);
        if (period == 0 || next - now <= Math.abs(period)) return false;
        Page.U.putLong(task, NEXT, Math.max(now, next + jumpMillis));
        return true;
    }

    static long next(TimerTask task) {
        return Page.U.getLong(task, NEXT);
    }

    static long realtimeJumpMillis() {
        return TimeUnit.NANOSECONDS.toMillis(Page.realtimeJump());
    }
}
