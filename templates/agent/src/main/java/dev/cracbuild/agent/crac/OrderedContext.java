package dev.cracbuild.agent.crac;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.ListIterator;
import jdk.crac.CheckpointException;
import jdk.crac.Context;
import jdk.crac.Resource;
import jdk.crac.RestoreException;

/**
 * The global context, as CRaC documents it: resources are held weakly; called in reverse order of registration before a checkpoint, in
 * order of registration after it; those that register meanwhile are called from the next checkpoint on; all are called though some
 * throw.
 */
public final class OrderedContext extends Context<Resource> {
    /** The one of Core. */
    public static final OrderedContext GLOBAL = new OrderedContext();

    private final List<Registered> registered = new ArrayList<>();

    /** Those that were told of the checkpoint, in order of registration; held until they have been told of its end. */
    private List<Called> told = List.of();

    private OrderedContext() {
    }

    /** A resource, with the class loader that its code expects in the thread. */
    private static final class Registered extends WeakReference<Resource> {
        final WeakReference<ClassLoader> loader;

        Registered(Resource resource, ClassLoader loader) {
            super(resource);
            this.loader = new WeakReference<>(loader);
        }
    }

    private static final class Called {
        final Resource resource;
        final ClassLoader loader;

        Called(Resource resource, ClassLoader loader) {
            this.resource = resource;
            this.loader = loader;
        }
    }

    @Override
    public synchronized void register(Resource resource) {
        if (resource == null) throw new NullPointerException("resource");
        for (ListIterator<Registered> all = registered.listIterator(); all.hasNext();) {
            Resource one = all.next().get();
            if (one == null || one == resource) all.remove();
        }
        registered.add(new Registered(resource, Thread.currentThread().getContextClassLoader()));
    }

    private synchronized List<Called> snapshot() {
        List<Called> live = new ArrayList<>();
        for (Registered one : registered) {
            Resource resource = one.get();
            if (resource != null) live.add(new Called(resource, one.loader.get()));
        }
        return live;
    }

    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) throws CheckpointException {
        told = snapshot();
        CheckpointException failed = null;
        for (int i = told.size() - 1; i >= 0; i--) {
            Throwable thrown = call(told.get(i), true);
            if (thrown == null) continue;
            if (failed == null) failed = new CheckpointException();
            collect(failed, thrown);
        }
        if (failed != null) throw failed;
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) throws RestoreException {
        List<Called> all = told;
        told = List.of();
        RestoreException failed = null;
        for (Called one : all) {
            Throwable thrown = call(one, false);
            if (thrown == null) continue;
            if (failed == null) failed = new RestoreException();
            collect(failed, thrown);
        }
        if (failed != null) throw failed;
    }

    private Throwable call(Called called, boolean before) {
        Thread thread = Thread.currentThread();
        ClassLoader loader = thread.getContextClassLoader();
        if (called.loader != null) thread.setContextClassLoader(called.loader);
        try {
            if (before) {
                called.resource.beforeCheckpoint(this);
            } else {
                called.resource.afterRestore(this);
            }
            return null;
        } catch (InterruptedException e) {
            thread.interrupt();
            return e;
        } catch (Throwable e) {
            return e;
        } finally {
            thread.setContextClassLoader(loader);
        }
    }

    /** An exception of a nested context only holds others, which move up; of org.crac it is another class of the same name. */
    private static void collect(Throwable into, Throwable thrown) {
        String kind = thrown.getClass().getSimpleName();
        boolean holds = kind.equals("CheckpointException") || kind.equals("RestoreException");
        if (holds && thrown.getSuppressed().length > 0) {
            for (Throwable one : thrown.getSuppressed()) collect(into, one);
        } else {
            into.addSuppressed(thrown);
        }
    }
}
