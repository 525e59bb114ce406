package dev.cracbuild.agent.live;

import java.io.FileInputStream;
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import jdk.internal.misc.Unsafe;

/**
 * The environment of this start in place of the build's: System.getenv hands out a view of one HashMap, whose content is exchanged. The
 * first thread that asks after a restore does it, so that none sees the old one.
 */
public final class Environment {
    private static final Unsafe U = Page.U;

    private static volatile long renewed;
    private static boolean renewing;

    /**
     * Variables that a start script gave this process, or took from it: NAME=VALUE as the builder gave them to the script, or NAME where it
     * did not.
     */
    private static String[] scripted = {};

    /** TZ as the native code of the JVM sees it for good. */
    private static String nativeZone;
    private static boolean nativeZoneKnown;

    private Environment() {
    }

    /** At the entry of ProcessEnvironment's methods. */
    public static void check() {
        if (Page.generation() != renewed) renew();
    }

    /** At the entry of ProcessBuilder.start: a child whose environment nobody looked at would get the native one, which is the build's. */
    public static void child(ProcessBuilder builder) {
        if (Page.generation() != 0) builder.environment();
    }

    private static synchronized void renew() {
        long generation = Page.generation();
        if (renewing || generation == renewed) return;
        renewing = true;
        try {
            byte[] block = read();
            if (block == null) {
                Log.line("the environment of this start cannot be read: the application goes on with that of the build");
            } else {
                exchange(block);
            }
        } catch (ReflectiveOperationException | RuntimeException e) {
            Log.line("the environment of this start could not be taken over", e);
        } finally {
            renewed = generation;
            renewing = false;
        }
    }

    /** The same code with the environment that is there: afterwards it is loaded and linked. */
    static synchronized void rehearse() throws ReflectiveOperationException {
        byte[] own = file("self");
        if (own == null) throw new IllegalStateException("/proc/self/environ cannot be read");
        HashMap<Object, Object> map = map();
        HashMap<Object, Object> fresh = parse(own);
        keepScripted(map, fresh);
        changedFrozen(map, fresh);
        swap(map, new HashMap<>(map));
        nativeZone();
    }

    /** @param names with NUL between them */
    static synchronized void scripted(String names) {
        scripted = names.isEmpty() ? new String[0] : names.split("\0");
    }

    static String get(String name) {
        return System.getenv(name);
    }

    static synchronized String nativeZone() {
        if (!nativeZoneKnown) {
            String zone = System.getenv("TZ");
            nativeZone = zone == null ? "" : zone;
            nativeZoneKnown = true;
        }
        return nativeZone;
    }

    /** From the page, else of the process that started this one, which is crac-init, else of the first process of the container. */
    private static byte[] read() {
        byte[] block = Page.environment();
        if (block != null) return block;
        String parent = parent();
        if (parent != null && !parent.equals("0")) block = file(parent);
        if (block == null && ProcessHandle.current().pid() != 1) block = file("1");
        return block;
    }

    private static byte[] file(String process) {
        byte[] bytes = content("/proc/" + process + "/environ");
        return bytes == null || bytes.length == 0 ? null : bytes;
    }

    static byte[] content(String path) {
        try (FileInputStream file = new FileInputStream(path)) {
            return file.readAllBytes();
        } catch (IOException e) {
            return null;
        }
    }

    /** Field 4 of /proc/self/stat (proc(5)); the name of the program before it may hold anything. */
    private static String parent() {
        byte[] bytes = content("/proc/self/stat");
        if (bytes == null) return null;
        String stat = new String(bytes, StandardCharsets.ISO_8859_1);
        int state = stat.lastIndexOf(')') + 2;
        int end = stat.indexOf(' ', state + 2);
        return state < 2 || end < 0 ? null : stat.substring(state + 2, end);
    }

    private static void exchange(byte[] block) throws ReflectiveOperationException {
        HashMap<Object, Object> map = map();
        HashMap<Object, Object> fresh = parse(block);
        keepScripted(map, fresh);
        String[] changed = changedFrozen(map, fresh);
        nativeZone();
        swap(map, fresh);
        for (String name : changed) {
            if (name == null) continue;
            Log.line("the environment variable " + name + " was read before the checkpoint and has another value now: what was read stays");
        }
    }

    @SuppressWarnings("unchecked")
    private static HashMap<Object, Object> map() throws ReflectiveOperationException {
        Field field = Class.forName("java.lang.ProcessEnvironment").getDeclaredField("theEnvironment");
        field.setAccessible(true);
        return (HashMap<Object, Object>) field.get(null);
    }

    private static HashMap<Object, Object> parse(byte[] block) throws ReflectiveOperationException {
        Method name = factory("Variable");
        Method value = factory("Value");
        HashMap<Object, Object> fresh = new HashMap<>();
        for (int at = 0, end; at < block.length; at = end + 1) {
            end = at;
            while (end < block.length && block[end] != 0) end++;
            int equals = at + 1;
            while (equals < end && block[equals] != '=') equals++;
            if (equals >= end) continue;
            Object key = name.invoke(null, (Object) Arrays.copyOfRange(block, at, equals));
            fresh.put(key, value.invoke(null, (Object) Arrays.copyOfRange(block, equals + 1, end)));
        }
        return fresh;
    }

    private static Method factory(String kind) throws ReflectiveOperationException {
        Method method = Class.forName("java.lang.ProcessEnvironment$" + kind).getDeclaredMethod("valueOf", byte[].class);
        method.setAccessible(true);
        return method;
    }

    /** No script runs at a restore: what it made of the same beginnings stays, other beginnings come through. */
    private static void keepScripted(Map<Object, Object> old, Map<Object, Object> fresh) throws ReflectiveOperationException {
        Method name = factory("Variable");
        Method value = factory("Value");
        for (String entry : scripted) {
            int equals = entry.indexOf('=', 1);
            String variable = equals < 0 ? entry : entry.substring(0, equals);
            Object key = name.invoke(null, (Object) variable.getBytes(StandardCharsets.UTF_8));
            Object given = equals < 0 ? null : value.invoke(null, (Object) entry.substring(equals + 1).getBytes(StandardCharsets.UTF_8));
            Object now = fresh.get(key);
            if (given == null ? now != null : !given.equals(now)) continue;
            Object made = old.get(key);
            if (made == null) fresh.remove(key);
            else fresh.put(key, made);
        }
    }

    /** The names that the build declared as read, where the value is another one; null elsewhere. */
    private static String[] changedFrozen(Map<Object, Object> old, Map<Object, Object> fresh) throws ReflectiveOperationException {
        String[] names = Options.frozen();
        Method name = factory("Variable");
        for (int i = 0; i < names.length; i++) {
            Object key = name.invoke(null, (Object) names[i].getBytes(StandardCharsets.UTF_8));
            Object before = old.get(key);
            Object now = fresh.get(key);
            if (before == null ? now == null : before.equals(now)) names[i] = null;
        }
        return names;
    }

    /** Readers take the table once: each sees the old map or the new one, though none of them takes a lock. */
    private static void swap(HashMap<Object, Object> map, HashMap<Object, Object> fresh) {
        long table = U.objectFieldOffset(HashMap.class, "table");
        long size = U.objectFieldOffset(HashMap.class, "size");
        long threshold = U.objectFieldOffset(HashMap.class, "threshold");
        long changes = U.objectFieldOffset(HashMap.class, "modCount");
        U.putInt(map, changes, U.getInt(map, changes) + 1);
        U.putInt(map, threshold, U.getInt(fresh, threshold));
        U.putReferenceVolatile(map, table, U.getReference(fresh, table));
        U.putInt(map, size, U.getInt(fresh, size));
    }
}
