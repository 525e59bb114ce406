import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Timer;
import java.util.TimerTask;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Tasks that are due sometime, and how often they have run. */
public class Timing extends Program {
    private final ScheduledExecutorService pool = Executors.newScheduledThreadPool(1);
    private final Timer timer = new Timer(true);
    private final Map<String, Integer> runs = new TreeMap<>();
    private final Map<String, ScheduledFuture<?>> futures = new HashMap<>();
    private final List<Object> held = new ArrayList<>();

    public static void main(String[] args) throws Exception {
        new Timing().run();
    }

    @Override
    void answer(String[] words) throws Exception {
        long number = words.length > 2 ? Long.parseLong(words[2]) : 0;
        String name = words.length > 1 ? words[1] : "";
        switch (words[0]) {
            case "once" -> futures.put(name, pool.schedule(() -> ran(name), number, TimeUnit.MILLISECONDS));
            case "rate" -> futures.put(name, pool.scheduleAtFixedRate(() -> ran(name), number, Long.parseLong(words[3]), TimeUnit.MILLISECONDS));
            case "delay" -> say(futures.get(name).getDelay(TimeUnit.SECONDS));
            case "timeout" -> held.add(new CompletableFuture<Void>().orTimeout(number, TimeUnit.MILLISECONDS).whenComplete((a, b) -> ran(name)));
            case "timer" -> timer.scheduleAtFixedRate(task(name), new Date(System.currentTimeMillis() + number), Long.parseLong(words[3]));
            case "alarm" -> timer.schedule(task(name), new Date(System.currentTimeMillis() + number));
            case "runs" -> {
                synchronized (runs) {
                    say(runs.getOrDefault(name, 0));
                }
            }
            case "await" -> {
                synchronized (runs) {
                    while (runs.getOrDefault(name, 0) < number) runs.wait();
                }
            }
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    private TimerTask task(String name) {
        return new TimerTask() {
            @Override
            public void run() {
                ran(name);
            }
        };
    }

    private void ran(String name) {
        synchronized (runs) {
            runs.merge(name, 1, Integer::sum);
            runs.notifyAll();
        }
    }
}
