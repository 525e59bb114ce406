package dev.cracbuild.agent.crac;

import dev.cracbuild.agent.live.Callbacks;
import dev.cracbuild.agent.live.Coordinator;
import jdk.crac.CheckpointException;
import jdk.crac.RestoreException;

/** Between the coordination, which does without jdk.crac, and the global context. */
public final class Exchange extends Callbacks {
    static {
        Coordinator.tell(new Exchange());
    }

    private Exchange() {
    }

    /**
     * Core.checkpointRestore.
     *
     * @throws CheckpointException no checkpoint was taken
     * @throws RestoreException a resource failed after the restore
     */
    public static void checkpointRestore() throws CheckpointException, RestoreException {
        Throwable result = Coordinator.checkpointRestore();
        if (result instanceof CheckpointException refused) throw refused;
        if (result instanceof RestoreException failed) throw failed;
    }

    @Override
    protected Throwable before() {
        try {
            OrderedContext.GLOBAL.beforeCheckpoint(null);
            return null;
        } catch (CheckpointException e) {
            return e;
        }
    }

    @Override
    protected Throwable after() {
        try {
            OrderedContext.GLOBAL.afterRestore(null);
            return null;
        } catch (RestoreException e) {
            return e;
        }
    }

    /** The reason twice: org.crac copies the suppressed exceptions only. */
    @Override
    protected Throwable refusal(String reason) {
        CheckpointException refusal = new CheckpointException(reason);
        refusal.addSuppressed(new IllegalStateException(reason));
        return refusal;
    }
}
