package dev.cracbuild.agent.live;

import java.io.FileDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.WeakHashMap;

/** With explain=true: who opened the descriptors that are open. Kept by the FileDescriptor, weakly. */
public final class Opened {
    private static final long NUMBER = Page.U.objectFieldOffset(FileDescriptor.class, "fd");
    private static final int FRAMES = 24;

    /** What is more than fits the mailbox is left out, so that the rest can be read. */
    private static final int LIMIT = 56000;

    private static final String OWN = "dev.cracbuild.agent.";

    private static final Map<FileDescriptor, Opening> OPENINGS = new WeakHashMap<>();

    private Opened() {
    }

    private static final class Opening {
        final String kind;
        final String path;
        final Throwable stack = new Throwable();

        Opening(String kind, String path) {
            this.kind = kind;
            this.path = path;
        }
    }

    /** At the end of what opens a descriptor. */
    public static void file(FileDescriptor descriptor, Object opener, String path) {
        if (descriptor != null) note(descriptor, opener.getClass().getName(), path);
    }

    /** In sun.nio.ch.IOUtil.newFD: sockets, pipes, selectors. */
    public static FileDescriptor channel(FileDescriptor descriptor) {
        note(descriptor, "sun.nio.ch", null);
        return descriptor;
    }

    /** In sun.nio.fs.UnixChannelFactory.open: files of FileChannel. */
    public static FileDescriptor path(FileDescriptor descriptor, Object path) {
        note(descriptor, "java.nio.channels.FileChannel", path == null ? null : path.toString());
        return descriptor;
    }

    private static void note(FileDescriptor descriptor, String kind, String path) {
        Opening opening = new Opening(kind, path);
        synchronized (OPENINGS) {
            OPENINGS.putIfAbsent(descriptor, opening);
        }
    }

    /** `[{"fd":7,"kind":"java.io.FileInputStream","path":"/x","stack":["a.B.c(B.java:1)"]}]`. */
    static String explain() {
        List<Map.Entry<FileDescriptor, Opening>> all = new ArrayList<>();
        synchronized (OPENINGS) {
            all.addAll(OPENINGS.entrySet());
        }
        StringBuilder text = new StringBuilder("[");
        for (Map.Entry<FileDescriptor, Opening> entry : all) {
            int number = entry.getKey() == null ? -1 : Page.U.getInt(entry.getKey(), NUMBER);
            if (number < 0 || text.length() > LIMIT) continue;
            if (text.length() > 1) text.append(',');
            append(text, number, entry.getValue());
        }
        return text.append(']').toString();
    }

    private static void append(StringBuilder text, int number, Opening opening) {
        Json.string(text.append("{\"fd\":").append(number).append(",\"kind\":"), opening.kind);
        if (opening.path != null) Json.string(text.append(",\"path\":"), opening.path);
        text.append(",\"stack\":[");
        int frames = 0;
        for (StackTraceElement frame : opening.stack.getStackTrace()) {
            if (frame.getClassName().startsWith(OWN)) continue;
            if (frames++ == FRAMES) break;
            Json.string(frames == 1 ? text : text.append(','), frame.toString());
        }
        text.append("]}");
    }
}
