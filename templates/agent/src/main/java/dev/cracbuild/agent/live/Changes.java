package dev.cracbuild.agent.live;

import dev.cracbuild.agent.Classes;
import java.io.IOException;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.lang.instrument.UnmodifiableClassException;
import java.lang.reflect.Method;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Changes methods of the JDK, see dev.cracbuild.agent.weave. What does the work is loaded for it and becomes garbage afterwards; at the
 * start it is what costs time, so what is not marked at construction and not warm is left for later.
 */
public final class Changes {
    /** A ClassFileTransformer that gives what it could not change. Set by its class's initialisation: reflection would cost more. */
    public static Supplier<List<String>> weaver;

    private static final String BASE = "dev/cracbuild/agent/";

    private Changes() {
    }

    /** @return what could not be changed */
    static List<String> atStart(Instrumentation instrumentation) throws IOException {
        List<String> names = new ArrayList<>(List.of("java.util.concurrent.ThreadLocalRandom", "java.util.Random",
            "java.util.SplittableRandom", "java.util.SplittableRandom$AbstractSplittableGeneratorProxy", "java.security.SecureRandom",
            "sun.security.provider.SecureRandom", "java.util.concurrent.ScheduledThreadPoolExecutor",
            "java.util.concurrent.ScheduledThreadPoolExecutor$ScheduledFutureTask", "java.util.TaskQueue",
            "java.lang.ProcessEnvironment", "java.lang.ProcessBuilder"));
        if (Runtime.version().feature() >= 25) names.add("java.util.concurrent.DelayScheduler");
        if (Options.explain()) {
            names.addAll(List.of("java.io.FileInputStream", "java.io.FileOutputStream", "java.io.RandomAccessFile", "sun.nio.ch.IOUtil",
                "sun.nio.fs.UnixChannelFactory"));
        }
        List<String> missed = new ArrayList<>();
        List<Class<?>> classes = new ArrayList<>();
        for (String name : names) {
            try {
                classes.add(Class.forName(name, false, null));
            } catch (ClassNotFoundException e) {
                missed.add(name + " is not in this JDK");
            }
        }
        change(instrumentation, classes, missed);
        return missed;
    }

    /** The seeds of rarely used generators, and generators that are not the JDK's. */
    static List<String> beforeCheckpoint(Instrumentation instrumentation) throws IOException {
        List<String> missed = new ArrayList<>();
        List<Class<?>> classes = new ArrayList<>();
        for (String name : List.of("jdk.internal.util.random.RandomSupport", "sun.security.provider.AbstractDrbg")) {
            try {
                classes.add(Class.forName(name, false, null));
            } catch (ClassNotFoundException e) {
                missed.add(name + " is not in this JDK");
            }
        }
        for (Class<?> loaded : instrumentation.getAllLoadedClasses()) {
            String name = loaded.getName();
            if (name.startsWith("jdk.random.") || name.startsWith("jdk.internal.random.")) classes.add(loaded);
        }
        for (Class<?> generator : Registry.generators()) {
            for (Class<?> kind = generator; kind != SecureRandom.class; kind = kind.getSuperclass()) {
                if (!classes.contains(kind) && draws(kind) && sees(kind, missed)) classes.add(kind);
            }
        }
        change(instrumentation, classes, missed);
        return missed;
    }

    private static boolean draws(Class<?> generator) {
        for (Method method : generator.getDeclaredMethods()) {
            if (method.getName().equals("nextBytes") && Arrays.equals(method.getParameterTypes(), new Class<?>[] {byte[].class})) return true;
        }
        return false;
    }

    /** Some containers of components hide the classes of the boot loader. */
    private static boolean sees(Class<?> generator, List<String> missed) {
        try {
            if (Class.forName(Secure.class.getName(), false, generator.getClassLoader()) == Secure.class) return true;
        } catch (ClassNotFoundException e) {
            // The same: its loader does not ask the boot loader.
        }
        missed.add(generator.getName() + ": its class loader hides the agent, all containers of the image draw the same from it");
        return false;
    }

    private static void change(Instrumentation instrumentation, List<Class<?>> classes, List<String> missed) throws IOException {
        if (classes.isEmpty()) return;
        ClassLoader once = new Once(Classes.read(Options.jar(), BASE + "weave/", BASE + "asm/"));
        try {
            Class.forName("dev.cracbuild.agent.weave.Weaver", true, once);
            ClassFileTransformer transformer = (ClassFileTransformer) weaver;
            instrumentation.addTransformer(transformer, true);
            try {
                instrumentation.retransformClasses(classes.toArray(new Class<?>[0]));
            } finally {
                instrumentation.removeTransformer(transformer);
            }
            missed.addAll(weaver.get());
            weaver = null;
        } catch (ReflectiveOperationException | UnmodifiableClassException | RuntimeException | LinkageError e) {
            missed.add("methods of the JDK cannot be changed: " + e);
        }
    }

    /** Goes with what it loaded. */
    private static final class Once extends ClassLoader {
        private final Map<String, byte[]> classes;

        Once(Map<String, byte[]> classes) {
            super(null);
            this.classes = classes;
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            byte[] bytes = classes.remove(name);
            if (bytes == null) throw new ClassNotFoundException(name);
            return defineClass(name, bytes, 0, bytes.length);
        }
    }
}
