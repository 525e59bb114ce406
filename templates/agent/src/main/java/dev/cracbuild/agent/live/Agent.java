package dev.cracbuild.agent.live;

import dev.cracbuild.agent.Classes;
import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;

/** What is done once: at the start of the JVM, and before its first checkpoint. */
public final class Agent {
    private static final String CRAC = "dev/cracbuild/agent/crac/";
    private static final String BEAN = "dev.cracbuild.agent.bean.RestoreBean";

    private static Instrumentation instrumentation;
    private static final List<String> missed = new ArrayList<>();
    private static boolean changed;
    private static boolean beanSupplied;

    private Agent() {
    }

    /**
     * @param of this JVM
     * @throws IOException the jar cannot be read
     * @throws ReflectiveOperationException the jar is not as it should be
     */
    public static void start(Instrumentation of) throws IOException, ReflectiveOperationException {
        instrumentation = of;
        if (suppliesCallbacks()) {
            // org.crac only where it is asked for: frameworks take its presence for the wish to take part.
            boolean all = Options.callbacks().equals("on");
            Map<String, byte[]> classes = Classes.read(Options.jar(), "jdk/crac/", CRAC, all ? "org/crac/" : CRAC);
            boolean managed = management() != null;
            for (Iterator<String> names = classes.keySet().iterator(); names.hasNext();) {
                String name = names.next();
                if (name.startsWith("jdk.crac.management.") || name.startsWith("org.crac.management.") && !managed) names.remove();
            }
            Classes.define(classes);
            Class.forName("dev.cracbuild.agent.crac.Exchange"); // tells the Coordinator
        }
        Randoms.mark(seedOf(ThreadLocalRandom.current()));
        missed.addAll(Changes.atStart(of));
        Coordinator.start();
    }

    static Instrumentation instrumentation() {
        return instrumentation;
    }

    private static boolean suppliesCallbacks() {
        return !Options.callbacks().equals("off");
    }

    /** What few applications use is changed when it is known what this one uses. */
    static void changeBeforeCheckpoint(Notices notices) {
        if (!changed) {
            changed = true;
            try {
                missed.addAll(Changes.beforeCheckpoint(instrumentation));
                Secure.seedersChanged = missed.isEmpty();
            } catch (IOException e) {
                missed.add("the agent's jar cannot be read: " + e);
            }
        }
        for (String one : missed) notices.add("agent", one);
    }

    /** The bean that tells the time of the restore; java.management is not in every run time. */
    static void supplyBean(Notices notices) {
        Module management = management();
        if (beanSupplied || management == null || !suppliesCallbacks()) return;
        beanSupplied = true;
        Set<Module> own = Set.of(Agent.class.getModule());
        try {
            instrumentation.redefineModule(management, own, Map.of("sun.management.spi", own), Map.of("java.lang.management", own), Set.of(),
                Map.of());
            Classes.define(Classes.read(Options.jar(), "jdk/crac/management/", "dev/cracbuild/agent/bean/"));
            Class.forName(BEAN).getMethod("register").invoke(null);
        } catch (IOException | ReflectiveOperationException | RuntimeException | LinkageError e) {
            notices.add("agent", "the bean with the time of the restore cannot be supplied: " + e);
        }
    }

    private static Module management() {
        return ModuleLayer.boot().findModule("java.management").orElse(null);
    }

    private static AtomicLong seedOf(Random random) {
        return (AtomicLong) Page.U.getReference(random, Page.U.objectFieldOffset(Random.class, "seed"));
    }
}
