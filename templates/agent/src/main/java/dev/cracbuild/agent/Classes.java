package dev.cracbuild.agent;

import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import jdk.internal.misc.Unsafe;

/**
 * Classes of the agent's jar. What stays in the application is defined into the boot loader, where the JDK's methods and every other
 * loader see it, without the jar being on its path: that would switch class data sharing off and keep the jar open.
 */
public final class Classes {
    private static final String SUFFIX = ".class";

    private Classes() {
    }

    /**
     * @param jar path of the jar
     * @param prefixes beginnings of the names of entries
     * @return the classes below them, by their names
     * @throws IOException the jar cannot be read
     */
    public static Map<String, byte[]> read(String jar, String... prefixes) throws IOException {
        Map<String, byte[]> classes = new TreeMap<>();
        try (ZipFile zip = new ZipFile(jar)) {
            for (Enumeration<? extends ZipEntry> entries = zip.entries(); entries.hasMoreElements();) {
                ZipEntry entry = entries.nextElement();
                String name = entry.getName();
                if (!name.endsWith(SUFFIX) || !startsWithOne(name, prefixes)) continue;
                try (InputStream content = zip.getInputStream(entry)) {
                    classes.put(name.substring(0, name.length() - SUFFIX.length()).replace('/', '.'), content.readAllBytes());
                }
            }
        }
        return classes;
    }

    private static boolean startsWithOne(String name, String... prefixes) {
        for (String prefix : prefixes) {
            if (name.startsWith(prefix)) return true;
        }
        return false;
    }

    /**
     * Defines classes into the boot loader, supertypes first.
     *
     * @param classes from read
     * @return one of them
     * @throws LinkageError none of those that are left can be defined
     */
    public static Class<?> define(Map<String, byte[]> classes) {
        List<Map.Entry<String, byte[]>> left = new ArrayList<>(classes.entrySet());
        Class<?> defined = null;
        while (!left.isEmpty()) {
            List<Map.Entry<String, byte[]>> again = new ArrayList<>();
            LinkageError problem = null;
            for (Map.Entry<String, byte[]> one : left) {
                byte[] bytes = one.getValue();
                try {
                    defined = Unsafe.getUnsafe().defineClass(one.getKey(), bytes, 0, bytes.length, null, null);
                } catch (NoClassDefFoundError e) {
                    problem = e;
                    again.add(one);
                }
            }
            if (again.size() == left.size()) throw problem;
            left = again;
        }
        return defined;
    }
}
