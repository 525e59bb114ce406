package dev.cracbuild.agent.live;

import java.lang.reflect.Method;
import java.util.List;

/** What the user should know of before the checkpoint: what all restores will share, and what the agent could not do. */
final class Notices {
    private static final String TICKET_KEY = "sun.security.ssl.SessionTicketExtension$StatelessKey";
    private static final String WATCHER = "sun.nio.fs.LinuxWatchService$Poller";
    private static final String RECORDER = "jdk.jfr.internal.PlatformRecorder";

    private final StringBuilder list = new StringBuilder();

    void add(String code, String text) {
        list.append(list.length() == 0 ? "" : ",");
        Json.string(list.append("{\"code\":"), code);
        Json.string(list.append(",\"text\":"), text).append('}');
    }

    String json() {
        return "{\"notices\":[" + list + "]}";
    }

    /** By the classes that are in use: each is initialised by what it stands for, and by nothing else. */
    void look() {
        for (Class<?> loaded : Agent.instrumentation().getAllLoadedClasses()) {
            if (loaded.getClassLoader() != null) continue;
            String name = loaded.getName();
            if (name.equals(TICKET_KEY) && isUsed(loaded)) {
                add("tls-ticket-keys", "a TLS server has made keys for session tickets: all containers of the image share them; do not let"
                    + " TLS clients connect before the checkpoint, or run with -Djdk.tls.server.enableSessionTicketExtension=false");
            } else if (name.equals(WATCHER) && isUsed(loaded)) {
                add("file-watcher", "a java.nio.file.WatchService has been opened: close it before the checkpoint, what it watches may differ");
            } else if (name.equals(RECORDER) && isUsed(loaded) && isRecording()) {
                add("flight-recorder", "a recording of the flight recorder is running: stop it before the checkpoint");
            }
        }
    }

    private static boolean isUsed(Class<?> loaded) {
        return !Page.U.shouldBeInitialized(loaded);
    }

    private static boolean isRecording() {
        try {
            Class<?> recorder = Class.forName("jdk.jfr.FlightRecorder");
            Object instance = recorder.getMethod("getFlightRecorder").invoke(null);
            for (Object recording : (List<?>) recorder.getMethod("getRecordings").invoke(instance)) {
                Method state = recording.getClass().getMethod("getState");
                if (state.invoke(recording).toString().equals("RUNNING")) return true;
            }
            return false;
        } catch (ReflectiveOperationException e) {
            return false; // a JDK whose recorder has other methods
        }
    }
}
