package dev.cracbuild.agent.live;

import java.io.PrintWriter;
import java.io.StringWriter;

/**
 * Follows the commands of the builder, and notices the restore. A daemon thread of its own does; while the application waits in
 * Core.checkpointRestore() the waiting thread does, so that callbacks run in it as with CRaC.
 */
public final class Coordinator implements Runnable {
    private static final long POLL_MILLIS = 10;
    private static final int RUN_CALLBACKS = 1;
    private static final int REHEARSE = 2;

    private static final Coordinator INSTANCE = new Coordinator();

    private boolean woken;
    private boolean polling = true;

    /** The thread of the application that drives, or null for the agent's own. */
    private Thread driver;

    /** From the first callback to the end of the restore. */
    private boolean inProgress;

    private int answered;
    private long generation;
    private boolean told;

    /** What Core.checkpointRestore throws, or null. */
    private Throwable outcome;

    private Callbacks callbacks = new Callbacks();

    /** The thread of the application was interrupted meanwhile: it learns of it when its checkpoint has ended. */
    private boolean interrupted;

    private volatile long restoredAt = -1;
    private volatile long restoredNanos;

    private Coordinator() {
    }

    static Coordinator instance() {
        return INSTANCE;
    }

    /** @param supplied tells the application from now on */
    public static void tell(Callbacks supplied) {
        INSTANCE.callbacks = supplied;
    }

    static void start() {
        ThreadGroup group = Thread.currentThread().getThreadGroup();
        while (group.getParent() != null) group = group.getParent();
        Thread thread = new Thread(group, INSTANCE, "crac-build", 0, false);
        thread.setDaemon(true);
        thread.setContextClassLoader(ClassLoader.getSystemClassLoader());
        Mailbox.open();
        Wake.onSignal();
        thread.start();
    }

    /** @return when the callbacks after the last restore began, milliseconds since 1970, or -1 */
    public static long restoredAt() {
        return INSTANCE.restoredAt;
    }

    /** @return the same by System.nanoTime */
    public static long restoredNanos() {
        return INSTANCE.restoredNanos;
    }

    @Override
    public void run() {
        for (;;) {
            pause(null);
            turn(null);
        }
    }

    synchronized void wake() {
        woken = true;
        notifyAll();
    }

    /** Until the poll's time has come, or a signal, but never while another thread drives. */
    private synchronized void pause(Thread as) {
        try {
            if (!woken) {
                if (polling) {
                    wait(POLL_MILLIS);
                } else {
                    wait();
                }
            }
            while (driver != as) wait();
        } catch (InterruptedException e) {
            interrupted = true;
        }
        woken = false;
    }

    /** What there is to do for the thread that drives; claimed under the lock, since the other thread may be about to look as well. */
    private void turn(Thread as) {
        boolean isRestored;
        int sequence;
        synchronized (this) {
            if (driver != as) return;
            isRestored = Page.generation() != generation;
            sequence = Mailbox.sequence();
            if (isRestored) {
                generation = Page.generation();
            } else if (sequence == answered) {
                return;
            } else {
                answered = sequence;
            }
        }
        if (isRestored) {
            restored();
        } else {
            command();
            Mailbox.answer(sequence);
        }
    }

    private void command() {
        try {
            switch (Mailbox.command()) {
                case Mailbox.PREPARE -> prepare(Mailbox.flags(), Mailbox.text());
                case Mailbox.HOLD -> Mailbox.state(Mailbox.HELD);
                case Mailbox.ABORT -> abort(Mailbox.text());
                case Mailbox.EXPLAIN -> Mailbox.write(Opened.explain());
                default -> Mailbox.write("");
            }
        } catch (Throwable e) {
            end(callbacks.refusal(e.toString()));
            Mailbox.state(Mailbox.FAILED, trace(e));
        }
    }

    private void prepare(int flags, String scripted) {
        Mailbox.state(Mailbox.WORKING);
        Environment.scripted(scripted);
        begin();
        Notices notices = new Notices();
        notices.look();
        Agent.changeBeforeCheckpoint(notices);
        if ((flags & RUN_CALLBACKS) != 0) {
            Agent.supplyBean(notices);
            told = true;
            Throwable thrown = callbacks.before();
            if (thrown != null) {
                Throwable after = tellRestored();
                if (after != null) thrown.addSuppressed(after);
                end(thrown);
                Mailbox.state(Mailbox.FAILED, reasons(thrown));
                return;
            }
        }
        if ((flags & REHEARSE) != 0) Renewals.rehearse(notices);
        Mailbox.state(Mailbox.PREPARED, notices.json());
    }

    private void abort(String reason) {
        Throwable after = tellRestored();
        if (after != null) Log.trace("afterRestore", after);
        end(callbacks.refusal(reason));
        Mailbox.state(Mailbox.IDLE);
    }

    private void restored() {
        Throwable after = null;
        try {
            Renewals.run();
            restoredNanos = System.nanoTime();
            restoredAt = System.currentTimeMillis();
            after = tellRestored();
            if (after != null) Log.trace("afterRestore", after);
        } catch (Throwable e) {
            Log.trace("after the restore", e);
        }
        synchronized (this) {
            polling = false;
        }
        end(after);
        Mailbox.state(Mailbox.RESTORED);
    }

    private Throwable tellRestored() {
        if (!told) return null;
        told = false;
        return callbacks.after();
    }

    private synchronized void begin() {
        inProgress = true;
        outcome = null;
    }

    private synchronized void end(Throwable thrown) {
        inProgress = false;
        outcome = thrown;
    }

    /**
     * Asks the builder for a checkpoint, and returns in the restored process, or where there is none.
     *
     * @return what is to be thrown, or null
     */
    public static Throwable checkpointRestore() {
        return INSTANCE.ask();
    }

    private Throwable ask() {
        Thread self = Thread.currentThread();
        synchronized (this) {
            if (inProgress) return callbacks.refusal("Recursive checkpoint is not allowed");
            if (!polling) return callbacks.refusal("This process is a restored one: no build is there to take a checkpoint");
            begin();
            driver = self;
        }
        Mailbox.state(Mailbox.ASKED);
        try {
            do {
                pause(self);
                turn(self);
            } while (inProgress);
            return outcome;
        } finally {
            synchronized (this) {
                driver = null;
                inProgress = false;
                notifyAll();
            }
            if (interrupted) self.interrupt();
            interrupted = false;
        }
    }

    /** What the resources threw, the first one first. */
    private static String reasons(Throwable thrown) {
        StringBuilder text = new StringBuilder();
        for (Throwable one : thrown.getSuppressed()) text.append(trace(one));
        return text.length() == 0 ? trace(thrown) : text.toString();
    }

    private static String trace(Throwable e) {
        StringWriter text = new StringWriter();
        e.printStackTrace(new PrintWriter(text));
        return text.toString();
    }
}
