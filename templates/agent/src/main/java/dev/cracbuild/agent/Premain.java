package dev.cracbuild.agent;

import dev.cracbuild.agent.live.Agent;
import dev.cracbuild.agent.live.Options;
import java.io.File;
import java.io.IOException;
import java.lang.instrument.Instrumentation;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Brings the agent into the JVM and takes its jar out of the application's class path again. */
public final class Premain {
    private static final String BASE = "dev/cracbuild/agent/";

    /** The file through which application, builder and restorer meet; another one is for tests. */
    private static final String MAPPING = "/.crac-build/generation";

    private Premain() {
    }

    /**
     * Called by the JVM before the application's main.
     *
     * @param options see docs/agent.md
     * @param instrumentation of this JVM
     */
    public static void premain(String options, Instrumentation instrumentation) {
        try {
            String jar = Path.of(Premain.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
            open(instrumentation, Premain.class.getModule(), Set.of("jdk.internal.misc"), Set.of());
            String mapping = mapping(options);
            if (new File(mapping).isFile()) start(options, instrumentation, jar, mapping);
            ClassPath.remove(jar);
        } catch (IOException | URISyntaxException | ReflectiveOperationException | RuntimeException | LinkageError e) {
            System.err.println("crac-build: the agent cannot start, the application goes on without it: " + e);
        }
    }

    private static void start(String options, Instrumentation instrumentation, String jar, String mapping)
        throws IOException, ReflectiveOperationException {
        // What is defined into the boot loader is linked to packages of the JDK, so its module needs them first.
        Module boot = Classes.define(Classes.read(jar, BASE + "Classes")).getModule();
        open(instrumentation, boot, Set.of("jdk.internal.misc"), Set.of("java.lang", "java.util", "sun.nio.ch"));
        Classes.define(Classes.read(jar, BASE + "live/"));
        Options.set(options, jar, mapping);
        Agent.start(instrumentation);
    }

    /** As --add-reads, --add-exports and --add-opens do, without a flag. */
    private static void open(Instrumentation in, Module to, Set<String> exported, Set<String> opened) {
        Map<String, Set<Module>> exports = new HashMap<>();
        for (String name : exported) exports.put(name, Set.of(to));
        Map<String, Set<Module>> opens = new HashMap<>();
        for (String name : opened) opens.put(name, Set.of(to));
        in.redefineModule(Object.class.getModule(), Set.of(to), exports, opens, Set.of(), Map.of());
    }

    /** Here, since no class of the agent is to be defined where the file is not. */
    private static String mapping(String options) {
        String name = "mapping=";
        int at = options == null ? -1 : options.indexOf(name);
        if (at < 0) return MAPPING;
        int end = options.indexOf(',', at);
        return options.substring(at + name.length(), end < 0 ? options.length() : end);
    }
}
