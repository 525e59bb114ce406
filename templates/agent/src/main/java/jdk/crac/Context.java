package jdk.crac;

/**
 * A group of resources that is itself one. An abstract class, as in CRaC JDKs: what is compiled for them calls it as such.
 *
 * @param <R> the kind of resource
 */
public abstract class Context<R extends Resource> implements Resource {
    /** For implementations. */
    protected Context() {
    }

    @Override
    public abstract void beforeCheckpoint(Context<? extends Resource> context) throws CheckpointException;

    @Override
    public abstract void afterRestore(Context<? extends Resource> context) throws RestoreException;

    /**
     * Adds a resource, which is held weakly.
     *
     * @param resource to be told of checkpoints and restores
     */
    public abstract void register(R resource);
}
