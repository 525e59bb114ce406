import java.io.FileInputStream;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;
import java.util.concurrent.CountDownLatch;

/** What a process knows of where it runs. */
public class World extends Program {
    private final Map<String, String> map = System.getenv();
    private final List<Object> open = new ArrayList<>();
    private volatile List<String> seen;

    public static void main(String[] args) throws Exception {
        new World().run();
    }

    @Override
    void answer(String[] words) throws Exception {
        switch (words[0]) {
            case "get" -> say(System.getenv(words[1]));
            case "held" -> say(map.get(words[1]) + " " + map.containsKey(words[1]) + " " + (map == System.getenv()) + " " + map.size());
            case "child" -> {
                Process child = new ProcessBuilder("/bin/sh", "-c", "echo $" + words[1]).start();
                say(new String(child.getInputStream().readAllBytes()).trim());
            }
            case "exec" -> {
                Process child = Runtime.getRuntime().exec(new String[] {"/bin/sh", "-c", "echo $" + words[1]});
                say(new String(child.getInputStream().readAllBytes()).trim());
            }
            case "property" -> say("=" + System.getProperty(words[1]));
            case "zone" -> say(TimeZone.getDefault().getID());
            case "choose" -> TimeZone.setDefault(TimeZone.getTimeZone(words[1]));
            case "locale" -> say(Locale.getDefault() + " " + Locale.getDefault(Locale.Category.FORMAT));
            case "watch" -> watch(words[1], words[2]);
            case "seen" -> {
                while (seen == null) Thread.sleep(1);
                say(seen);
            }
            case "open" -> {
                open.add(new FileInputStream(words[1]));
                open.add(FileChannel.open(Path.of(words[1])));
                open.add(new ServerSocket(0));
            }
            case "class" -> {
                try {
                    Class.forName(words[1]);
                    say("there");
                } catch (ClassNotFoundException e) {
                    say("not there");
                }
            }
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    /** A thread that asks all the time: each other answer than the one before. */
    private void watch(String name, String last) throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        Thread thread = new Thread(() -> {
            List<String> answers = new ArrayList<>();
            String before = null;
            while (!last.equals(before)) {
                String now = System.getenv(name);
                if (!now.equals(before)) answers.add(now);
                before = now;
                begun.countDown();
            }
            seen = answers;
        });
        thread.setDaemon(true);
        thread.start();
        begun.await();
    }
}
