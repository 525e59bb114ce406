package dev.cracbuild.agent.live;

import java.util.Locale;
import jdk.internal.misc.VM;

/** The default locale, where LC_ALL, LC_CTYPE, LC_MESSAGES, or LANG changed, unless the command line or the application chose one. */
final class Locales {
    private static String format;
    private static String display;

    private Locales() {
    }

    static void renew() {
        String newFormat = of("LC_CTYPE");
        String newDisplay = of("LC_MESSAGES");
        boolean first = format == null;
        boolean same = newFormat.equals(format) && newDisplay.equals(display);
        format = newFormat;
        display = newDisplay;
        if (first || same || isChosen()) return;
        Locale locale = parse(newDisplay);
        System.setProperty("user.language", locale.getLanguage());
        System.setProperty("user.country", locale.getCountry());
        Locale.setDefault(locale);
        Locale.setDefault(Locale.Category.FORMAT, parse(newFormat));
    }

    private static String of(String category) {
        for (String name : new String[] {"LC_ALL", category, "LANG"}) {
            String value = Environment.get(name);
            if (value != null && !value.isEmpty()) return value;
        }
        return "C";
    }

    private static boolean isChosen() {
        for (String argument : VM.getRuntimeArguments()) {
            if (argument.startsWith("-Duser.language=") || argument.startsWith("-Duser.country=")) return true;
        }
        Locale now = Locale.getDefault();
        return !now.getLanguage().equals(System.getProperty("user.language", "en"))
            || !now.getCountry().equals(System.getProperty("user.country", ""));
    }

    /** `language[_COUNTRY][.encoding][@modifier]`, as locale(7) has it; C and POSIX are English. */
    private static Locale parse(String name) {
        int end = 0;
        while (end < name.length() && name.charAt(end) != '.' && name.charAt(end) != '@') end++;
        String text = name.substring(0, end);
        if (text.equals("C") || text.equals("POSIX")) return Locale.ENGLISH;
        int line = text.indexOf('_');
        return line < 0 ? new Locale(text) : new Locale(text.substring(0, line), text.substring(line + 1));
    }
}
