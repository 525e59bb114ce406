package dev.cracbuild.agent.live;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.TimeZone;
import jdk.internal.misc.VM;

/** The default time zone, unless the command line or the application chose one. */
final class Zone {
    private static final String PROPERTY = "user.timezone";

    private Zone() {
    }

    static void renew() throws ReflectiveOperationException {
        String asked = VM.getSavedProperty(PROPERTY);
        if (asked != null && !asked.isEmpty() || isChosenByApplication()) return;
        String zone = Environment.get("TZ");
        if (zone == null || zone.isEmpty()) {
            // The native code derives it from files, but only where it has no TZ, and it goes on seeing the build's.
            zone = Environment.nativeZone().isEmpty() ? null : fromFiles();
        } else if (zone.charAt(0) == ':') {
            zone = zone.substring(1);
        }
        if (zone == null) {
            System.clearProperty(PROPERTY);
        } else {
            System.setProperty(PROPERTY, zone);
        }
        TimeZone.setDefault(null);
        TimeZone.getDefault();
    }

    /** What the JDK derives it stores in the property as well; TimeZone.setDefault does not. */
    private static boolean isChosenByApplication() throws ReflectiveOperationException {
        Field field = TimeZone.class.getDeclaredField("defaultTimeZone");
        field.setAccessible(true);
        TimeZone current = (TimeZone) field.get(null);
        String property = System.getProperty(PROPERTY);
        return current != null && (property == null || !current.hasSameRules(TimeZone.getTimeZone(property)));
    }

    private static String fromFiles() {
        byte[] name = Environment.content("/etc/timezone");
        if (name != null) {
            String text = new String(name, StandardCharsets.UTF_8).trim();
            if (!text.isEmpty()) return text;
        }
        try {
            String target = Files.readSymbolicLink(Path.of("/etc/localtime")).toString();
            int at = target.indexOf("zoneinfo/");
            if (at >= 0) return target.substring(at + "zoneinfo/".length());
        } catch (IOException e) {
            return "UTC"; // no link: nothing is set here
        }
        return "UTC";
    }
}
