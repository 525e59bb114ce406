package dev.cracbuild.agent.live;

import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ForkJoinPool;
import jdk.internal.misc.Unsafe;

/** What the JDK remembers of the machine it was started on, apart from the environment. Each step is on its own. */
final class Renewals {
    private static final Unsafe U = Page.U;
    private static final int STEPS = 6;

    private Renewals() {
    }

    /** After a restore, before the application is told. */
    static void run() {
        Environment.check();
        for (int step = 0; step < STEPS; step++) {
            try {
                step(step);
            } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
                Log.line("after the restore: " + name(step), e);
            }
        }
    }

    /** The same with the build's own environment: nothing changes, but the code is loaded, and what will not work is known. */
    static void rehearse(Notices notices) {
        try {
            Environment.rehearse();
            Secure.entropy(Fresh.bytes(1));
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            notices.add("environment", "the environment cannot be renewed after a restore: " + e);
        }
        for (int step = 0; step < STEPS; step++) {
            try {
                step(step);
            } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
                notices.add("renewal", "cannot be renewed after a restore: " + name(step) + ": " + e);
            }
        }
    }

    private static void step(int step) throws ReflectiveOperationException {
        switch (step) {
            case 0 -> properties();
            case 1 -> Zone.renew();
            case 2 -> Locales.renew();
            case 3 -> addresses();
            case 4 -> processors();
            default -> Timers.wake();
        }
    }

    private static String name(int step) {
        return switch (step) {
            case 0 -> "the system properties of CRAC_BUILD_JAVA_PROPERTIES";
            case 1 -> "the time zone";
            case 2 -> "the locale";
            case 3 -> "the host name and the addresses of other hosts";
            case 4 -> "the number of processors";
            default -> "what waits for a time";
        };
    }

    /** Words `key=value` with blanks between them; a backslash takes the meaning from what follows it. */
    private static void properties() {
        String text = Environment.get("CRAC_BUILD_JAVA_PROPERTIES");
        if (text == null) return;
        StringBuilder word = new StringBuilder();
        for (int i = 0; i <= text.length(); i++) {
            char c = i == text.length() ? ' ' : text.charAt(i);
            if (c == '\\' && i + 1 < text.length()) {
                word.append(text.charAt(++i));
            } else if (c == ' ') {
                property(word.toString());
                word.setLength(0);
            } else {
                word.append(c);
            }
        }
    }

    private static void property(String word) {
        String text = word.startsWith("-D") ? word.substring(2) : word;
        int equals = text.indexOf('=');
        String key = equals < 0 ? text : text.substring(0, equals);
        if (!key.isEmpty()) System.setProperty(key, equals < 0 ? "" : text.substring(equals + 1));
    }

    private static void addresses() throws ReflectiveOperationException {
        if (U.shouldBeInitialized(InetAddress.class)) return;
        ((Map<?, ?>) get(InetAddress.class, "cache")).clear();
        ((Collection<?>) get(InetAddress.class, "expirySet")).clear();
        Field host = InetAddress.class.getDeclaredField("cachedLocalHost");
        U.putReferenceVolatile(U.staticFieldBase(host), U.staticFieldOffset(host), null);
    }

    /** The pools that were made for as many threads as the build had processors, where the JDK lets it be changed (19 and later). */
    private static void processors() throws ReflectiveOperationException {
        if (Runtime.version().feature() < 19) return;
        int processors = Runtime.getRuntime().availableProcessors();
        if (System.getProperty("java.util.concurrent.ForkJoinPool.common.parallelism") == null) {
            setParallelism(ForkJoinPool.commonPool(), Math.max(1, processors - 1));
        }
        if (System.getProperty("jdk.virtualThreadScheduler.parallelism") != null) return;
        Class<?> threads = Class.forName("java.lang.VirtualThread", false, null);
        if (U.shouldBeInitialized(threads)) return;
        for (String name : List.of("DEFAULT_SCHEDULER", "BUILTIN_SCHEDULER")) {
            try {
                if (get(threads, name) instanceof ForkJoinPool pool) setParallelism(pool, processors);
            } catch (NoSuchFieldException e) {
                continue; // another JDK's name
            }
        }
    }

    private static void setParallelism(ForkJoinPool pool, int processors) throws ReflectiveOperationException {
        if (pool.getParallelism() == processors) return;
        Method set = ForkJoinPool.class.getMethod("setParallelism", int.class);
        try {
            set.invoke(pool, processors);
        } catch (InvocationTargetException e) {
            if (!(e.getCause() instanceof UnsupportedOperationException)) throw e;
        }
    }

    private static Object get(Class<?> kind, String name) throws NoSuchFieldException {
        Field field = kind.getDeclaredField(name);
        return U.getReferenceVolatile(U.staticFieldBase(field), U.staticFieldOffset(field));
    }
}
