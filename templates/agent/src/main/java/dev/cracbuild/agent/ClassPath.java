package dev.cracbuild.agent;

import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.util.Collection;
import java.util.Iterator;
import java.util.Map;
import java.util.zip.ZipFile;
import jdk.internal.misc.Unsafe;

/**
 * The JVM appends the jar of an agent to the application's class path. It is taken out again when all of it has been read: the
 * application sees none of it, nothing keeps it open, and a restored process does not need it.
 */
final class ClassPath {
    private static final Unsafe U = Unsafe.getUnsafe();

    private ClassPath() {
    }

    static void remove(String jar) throws IOException {
        ClassLoader loader = ClassLoader.getSystemClassLoader();
        Class<?> kind = loader.getClass();
        while (kind != null && !kind.getName().equals("jdk.internal.loader.BuiltinClassLoader")) kind = kind.getSuperclass();
        if (kind == null) return;
        Object path = U.getReference(loader, U.objectFieldOffset(kind, "ucp"));
        synchronized (path) {
            removeUrl((Collection<?>) field(path, "path"), jar);
            Object unopened = field(path, "unopenedUrls");
            synchronized (unopened) {
                removeUrl((Collection<?>) unopened, jar);
            }
            removeLoader((Collection<?>) field(path, "loaders"), jar);
            removeLoader(((Map<?, ?>) field(path, "lmap")).values(), jar);
        }
        String property = System.getProperty("java.class.path", "");
        String suffix = File.pathSeparator + jar;
        if (property.endsWith(suffix)) System.setProperty("java.class.path", property.substring(0, property.length() - suffix.length()));
    }

    private static Object field(Object of, String name) {
        return U.getReference(of, U.objectFieldOffset(of.getClass(), name));
    }

    private static void removeUrl(Collection<?> urls, String jar) {
        for (Iterator<?> all = urls.iterator(); all.hasNext();) {
            if (new File(((URL) all.next()).getPath()).equals(new File(jar))) all.remove();
        }
    }

    private static void removeLoader(Collection<?> loaders, String jar) throws IOException {
        for (Iterator<?> all = loaders.iterator(); all.hasNext();) {
            Object loader = all.next();
            if (!loader.getClass().getName().endsWith("$JarLoader")) continue;
            if (field(loader, "jar") instanceof ZipFile file && file.getName().equals(jar)) {
                all.remove();
                ((Closeable) loader).close();
            }
        }
    }
}
