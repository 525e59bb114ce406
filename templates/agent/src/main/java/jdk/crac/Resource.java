package jdk.crac;

/** What is told before a checkpoint and after a restore. */
public interface Resource {
    /**
     * Called before the checkpoint, in the reverse order of registration.
     *
     * @param context the context that calls
     * @throws Exception the checkpoint is not taken
     */
    void beforeCheckpoint(Context<? extends Resource> context) throws Exception;

    /**
     * Called after the restore, or after a checkpoint that failed, in the order of registration.
     *
     * @param context the context that calls
     * @throws Exception handed on to the one who asked for the checkpoint
     */
    void afterRestore(Context<? extends Resource> context) throws Exception;
}
