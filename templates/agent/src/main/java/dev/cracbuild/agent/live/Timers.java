package dev.cracbuild.agent.live;

import java.util.TimerTask;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import jdk.internal.misc.Unsafe;

/**
 * Wakes what waits for a time of the old clock: after a clock went back, the kernel's wait would last too long. Due times need no
 * change but those of java.util.Timer (see Clock).
 */
final class Timers {
    private static final Unsafe U = Page.U;

    private Timers() {
    }

    static void wake() {
        Clock.count();
        for (Object live : Registry.live()) {
            if (live instanceof ScheduledThreadPoolExecutor pool) {
                wakePool(pool);
            } else {
                wakeTimer(live);
            }
        }
        wakeDelayScheduler();
    }

    private static void wakePool(ScheduledThreadPoolExecutor pool) {
        BlockingQueue<Runnable> queue = pool.getQueue();
        Class<?> kind = queue.getClass();
        if (!kind.getName().equals("java.util.concurrent.ScheduledThreadPoolExecutor$DelayedWorkQueue")) return;
        ReentrantLock lock = (ReentrantLock) U.getReference(queue, U.objectFieldOffset(kind, "lock"));
        Condition available = (Condition) U.getReference(queue, U.objectFieldOffset(kind, "available"));
        lock.lock();
        try {
            available.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** @param queue a java.util.TaskQueue: the Timer itself may be garbage while its thread lives */
    private static void wakeTimer(Object queue) {
        synchronized (queue) {
            long jump = Clock.realtimeJumpMillis();
            if (jump < 0) bringNearer(queue, jump);
            queue.notifyAll();
        }
    }

    private static void bringNearer(Object queue, long jump) {
        Class<?> kind = queue.getClass();
        TimerTask[] tasks = (TimerTask[]) U.getReference(queue, U.objectFieldOffset(kind, "queue"));
        int size = U.getInt(queue, U.objectFieldOffset(kind, "size"));
        long now = System.currentTimeMillis();
        boolean changed = false;
        for (int i = 1; i <= size; i++) changed |= Clock.bringNearer(tasks[i], now, jump);
        if (!changed) return;
        for (int i = size / 2; i >= 1; i--) siftDown(tasks, size, i);
    }

    /** As TaskQueue.fixDown: a heap from index 1. */
    private static void siftDown(TimerTask[] tasks, int size, int at) {
        for (int child = at * 2; child <= size; child = at * 2) {
            if (child < size && Clock.next(tasks[child]) > Clock.next(tasks[child + 1])) child++;
            if (Clock.next(tasks[at]) <= Clock.next(tasks[child])) return;
            TimerTask task = tasks[child];
            tasks[child] = tasks[at];
            tasks[at] = task;
            at = child;
        }
    }

    /** JDK 25: the thread of the delayed tasks of a ForkJoinPool looks at the time again when it is unparked. */
    private static void wakeDelayScheduler() {
        if (Page.monotonicJump() >= 0 || Runtime.version().feature() < 25) return;
        ThreadGroup all = Thread.currentThread().getThreadGroup();
        while (all.getParent() != null) all = all.getParent();
        Thread[] threads = new Thread[all.activeCount() * 2 + 64];
        for (int i = all.enumerate(threads) - 1; i >= 0; i--) {
            if (threads[i].getClass().getName().equals("java.util.concurrent.DelayScheduler")) U.unpark(threads[i]);
        }
    }
}
