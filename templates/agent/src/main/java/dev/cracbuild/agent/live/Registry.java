package dev.cracbuild.agent.live;

import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.WeakHashMap;

/** Live pools and timers, which are woken after a restore, and the classes of generators that are not the JDK's. All weak. */
public final class Registry {
    private static final ReferenceQueue<Object> DEAD = new ReferenceQueue<>();
    private static final Set<Reference<?>> LIVE = new HashSet<>();
    private static final WeakHashMap<Class<?>, Boolean> GENERATORS = new WeakHashMap<>();

    private Registry() {
    }

    /** At the end of a constructor. */
    public static void add(Object made) {
        synchronized (LIVE) {
            for (Reference<?> dead = DEAD.poll(); dead != null; dead = DEAD.poll()) LIVE.remove(dead);
            LIVE.add(new WeakReference<>(made, DEAD));
        }
    }

    static List<Object> live() {
        List<Object> all = new ArrayList<>();
        synchronized (LIVE) {
            for (Reference<?> reference : LIVE) {
                Object object = reference.get();
                if (object != null) all.add(object);
            }
        }
        return all;
    }

    static void addGenerator(Class<?> kind) {
        synchronized (GENERATORS) {
            GENERATORS.put(kind, Boolean.TRUE);
        }
    }

    static List<Class<?>> generators() {
        synchronized (GENERATORS) {
            return new ArrayList<>(GENERATORS.keySet());
        }
    }
}
