import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.lang.reflect.Field;
import java.security.Provider;
import java.security.SecureRandom;
import java.security.SecureRandomSpi;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/** Draws from generators whose state is set to the same before each series, as it is in containers of one image. */
public class Draws extends Program {
    private static final int SERIES = 6;

    private final Map<String, Supplier<Object>> shared = new TreeMap<>();
    private final Map<String, Supplier<Object>> seeded = new TreeMap<>();
    private final List<Runnable> rewind = new ArrayList<>();
    private final List<Thread> busy = new ArrayList<>();
    private volatile boolean stopped;

    public static void main(String[] args) throws Exception {
        Draws draws = new Draws();
        draws.prepare();
        draws.run();
    }

    private void prepare() throws Exception {
        Random random = new Random();
        keep(random, Random.class, "seed");
        rewind.add(() -> set(random, Random.class, "haveNextNextGaussian", false));
        shared.put("Random.nextInt", random::nextInt);
        shared.put("Random.nextInt(bound)", () -> random.nextInt(1 << 20));
        shared.put("Random.nextLong", random::nextLong);
        shared.put("Random.nextDouble", random::nextDouble);
        shared.put("Random.ints", () -> random.ints(4).sum());
        Random gaussian = new Random();
        gaussian.nextGaussian();
        Object half = get(gaussian, Random.class, "nextNextGaussian");
        keep(gaussian, Random.class, "seed");
        rewind.add(() -> {
            set(gaussian, Random.class, "nextNextGaussian", half);
            set(gaussian, Random.class, "haveNextNextGaussian", true);
        });
        shared.put("Random.nextGaussian, the second of a pair", gaussian::nextGaussian);
        Math.random();
        Field math = Class.forName("java.lang.Math$RandomNumberGeneratorHolder").getDeclaredField("randomNumberGenerator");
        math.setAccessible(true);
        keep(math.get(null), Random.class, "seed");
        shared.put("Math.random", Math::random);
        Collections.shuffle(new ArrayList<>(List.of(1, 2)));
        keep(get(null, Collections.class, "r"), Random.class, "seed");
        shared.put("Collections.shuffle", () -> {
            List<Integer> list = new ArrayList<>();
            for (int i = 0; i < 100; i++) list.add(i);
            Collections.shuffle(list);
            return list;
        });
        ThreadLocalRandom.current().nextInt();
        Object seed = get(Thread.currentThread(), Thread.class, "threadLocalRandomSeed");
        rewind.add(() -> set(Thread.currentThread(), Thread.class, "threadLocalRandomSeed", seed));
        shared.put("ThreadLocalRandom", () -> ThreadLocalRandom.current().nextLong());
        splittables();
        seeders();
        secure();
        seeded.put("new Random(42)", series(() -> new Random(42)));
        seeded.put("setSeed", series(() -> {
            Random one = new Random();
            one.setSeed(42);
            return one;
        }));
        seeded.put("new SplittableRandom(42)", series(() -> new SplittableRandom(42)));
        seeded.put("its split", series(() -> new SplittableRandom(42).split()));
        seeded.put("its splits", series(() -> (SplittableRandom) new SplittableRandom(42).splits(1).toList().get(0)));
        seeded.put("SHA1PRNG with a seed of its own", () -> {
            SecureRandom one = secure("SHA1PRNG");
            one.setSeed(42);
            return one.nextLong();
        });
        seeded.put("a serialised Random(42)", series(() -> copy(new Random(42))));
        Random before = new Random(7);
        AtomicLong kept = (AtomicLong) get(before, Random.class, "seed");
        long value = kept.get();
        seeded.put("a Random(7) of before", series(() -> {
            kept.set(value);
            set(before, Random.class, "haveNextNextGaussian", false);
            return before;
        }));
    }

    private void splittables() {
        SplittableRandom splittable = new SplittableRandom();
        keep(splittable, SplittableRandom.class, "seed");
        shared.put("SplittableRandom", splittable::nextLong);
        shared.put("SplittableRandom.split", () -> splittable.split().nextLong());
        shared.put("SplittableRandom.splits", () -> ((SplittableRandom) splittable.splits(1).toList().get(0)).nextLong());
        SplittableRandom child = splittable.split();
        keep(child, SplittableRandom.class, "seed");
        shared.put("a SplittableRandom split before", child::nextLong);
        SplittableRandom grandchild = (SplittableRandom) child.splits(1).toList().get(0);
        keep(grandchild, SplittableRandom.class, "seed");
        shared.put("one of its splits", grandchild::nextLong);
        SplittableRandom seed = new SplittableRandom(1);
        SplittableRandom source = new SplittableRandom();
        keep(source, SplittableRandom.class, "seed");
        shared.put("SplittableRandom.split(source)", () -> seed.split(source).nextLong());
    }

    private void seeders() throws Exception {
        new SplittableRandom();
        keep(null, SplittableRandom.class, "defaultGen");
        shared.put("new SplittableRandom()", () -> new SplittableRandom().nextLong());
        RandomGenerator first = RandomGenerator.of("L64X128MixRandom");
        keep(null, first.getClass(), "defaultGen");
        shared.put("RandomGenerator.of", () -> RandomGenerator.of("L64X128MixRandom").nextLong());
        shared.put("a serialised Random", () -> {
            Random one = new Random();
            set(one, Random.class, "seed", new AtomicLong(Long.MIN_VALUE | 99));
            return copy(one).nextInt();
        });
    }

    private void secure() throws Exception {
        SecureRandom plain = secure("SHA1PRNG");
        plain.setSeed(1);
        Object spi = get(plain, SecureRandom.class, "secureRandomSpi");
        rewindSha1(spi);
        rewind.add(() -> set(plain, SecureRandom.class, "counter", 0L));
        shared.put("SHA1PRNG", plain::nextLong);
        secure("SHA1PRNG").nextInt();
        Class<?> holder = Class.forName("sun.security.provider.SecureRandom$SeederHolder");
        rewindSha1(get(null, holder, "seeder"));
        shared.put("a new SHA1PRNG", () -> secure("SHA1PRNG").nextLong());
        SecureRandom foreign = SecureRandom.getInstance("Zeros", new Zeros());
        shared.put("another provider", () -> bytes(foreign));
        shared.put("another provider's seeds", () -> Arrays.toString(foreign.generateSeed(8)));
        SecureRandom subclass = new Subclass();
        shared.put("a subclass", () -> bytes(subclass));
    }

    private void rewindSha1(Object spi) throws Exception {
        Class<?> kind = Class.forName("sun.security.provider.SecureRandom");
        byte[] state = ((byte[]) get(spi, kind, "state")).clone();
        rewind.add(() -> {
            set(spi, kind, "state", state.clone());
            set(spi, kind, "remCount", 0);
        });
    }

    @Override
    void answer(String[] words) throws Exception {
        switch (words[0]) {
            case "shared" -> {
                for (var one : shared.entrySet()) {
                    rewind.forEach(Runnable::run);
                    say(one.getKey() + ": " + draw(one.getValue()));
                }
            }
            case "seeded" -> seeded.forEach((name, draw) -> say(name + ": " + draw.get()));
            case "kernel" -> {
                // Nothing of these is shared, whatever the agent does: they have to go on working.
                for (String name : List.of("NativePRNG", "NativePRNGNonBlocking", "DRBG")) say(name + ": " + secure(name).nextLong());
                say("UUID: " + UUID.randomUUID());
                say("new SecureRandom(): " + new SecureRandom().nextLong());
            }
            case "old" -> {
                for (String name : List.of("NativePRNG", "DRBG")) say(name + ": " + get(old.get(name), SecureRandom.class, "counter"));
            }
            case "use" -> {
                for (String name : List.of("NativePRNG", "DRBG")) old.computeIfAbsent(name, Draws::secure).nextLong();
            }
            case "loop" -> {
                List<String> kinds = List.of("Random", "SplittableRandom", "ThreadLocalRandom", "SHA1PRNG");
                CountDownLatch begun = new CountDownLatch(kinds.size());
                for (String kind : kinds) loop(kind, begun);
                begun.await();
            }
            case "loops" -> {
                stopped = true;
                for (Thread one : busy) one.join();
                loops.forEach((name, result) -> say(name + ": " + result));
            }
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    private final Map<String, SecureRandom> old = new TreeMap<>();
    private final Map<String, String> loops = Collections.synchronizedMap(new TreeMap<>());

    /** Draws all the time, beside one that predicts; says how often it was right again after it had been wrong. */
    private void loop(String kind, CountDownLatch begun) {
        Thread thread = new Thread(() -> {
            Supplier<Object> drawn;
            Supplier<Object> predicted;
            switch (kind) {
                case "Random" -> {
                    Random one = new Random();
                    Random two = copy(one);
                    drawn = one::nextLong;
                    predicted = two::nextLong;
                }
                case "SplittableRandom" -> {
                    SplittableRandom one = new SplittableRandom();
                    SplittableRandom two = new SplittableRandom(0);
                    set(two, SplittableRandom.class, "seed", get(one, SplittableRandom.class, "seed"));
                    set(two, SplittableRandom.class, "gamma", (long) get(one, SplittableRandom.class, "gamma") | 1);
                    drawn = one::nextLong;
                    predicted = two::nextLong;
                }
                case "ThreadLocalRandom" -> {
                    ThreadLocalRandom.current().nextInt();
                    AtomicLong state = new AtomicLong((long) get(Thread.currentThread(), Thread.class, "threadLocalRandomSeed"));
                    @SuppressWarnings("deprecation")
                    long step = (Thread.currentThread().getId() << 1) + 0x9e3779b97f4a7c15L;
                    drawn = () -> ThreadLocalRandom.current().nextLong();
                    predicted = () -> murmur(state.addAndGet(step));
                }
                default -> {
                    SecureRandom one = secure("SHA1PRNG");
                    SecureRandom two = secure("SHA1PRNG");
                    one.setSeed(5);
                    two.setSeed(5);
                    set(two, SecureRandom.class, "counter", 1L); // not seeded again
                    drawn = one::nextLong;
                    predicted = () -> {
                        set(two, SecureRandom.class, "counter", page());
                        return two.nextLong();
                    };
                }
            }
            long right = 0;
            long wrong = 0;
            long back = 0;
            while (!stopped) {
                boolean same = drawn.get().equals(predicted.get());
                if (right + wrong == 0) begun.countDown();
                if (!same) wrong++;
                else if (wrong > 0) back++;
                else right++;
            }
            loops.put(kind, (right > 0) + " " + (wrong > 0) + " " + back);
        });
        thread.start();
        busy.add(thread);
    }

    private static long page() {
        try {
            var method = Class.forName("dev.cracbuild.agent.live.Page").getDeclaredMethod("generation");
            method.setAccessible(true);
            return (long) method.invoke(null);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static long murmur(long z) {
        z = (z ^ (z >>> 33)) * 0xff51afd7ed558ccdL;
        z = (z ^ (z >>> 33)) * 0xc4ceb9fe1a85ec53L;
        return z ^ (z >>> 33);
    }

    private static Object draw(Supplier<Object> from) {
        List<Object> drawn = new ArrayList<>();
        for (int i = 0; i < SERIES; i++) drawn.add(from.get());
        return drawn;
    }

    private static Supplier<Object> series(Supplier<RandomGenerator> made) {
        return () -> {
            RandomGenerator one = made.get();
            return draw(one::nextLong) + " " + one.nextGaussian();
        };
    }

    private static Object bytes(SecureRandom from) {
        byte[] bytes = new byte[8];
        from.nextBytes(bytes);
        return Arrays.toString(bytes);
    }

    private static SecureRandom secure(String name) {
        try {
            return SecureRandom.getInstance(name);
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Random copy(Random random) {
        try {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
                out.writeObject(random);
            }
            return (Random) new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray())).readObject();
        } catch (java.io.IOException | ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What a field holds is put back before each series; of an AtomicLong its value. */
    private void keep(Object of, Class<?> kind, String name) {
        Object value = get(of, kind, name);
        if (value instanceof AtomicLong number) {
            long kept = number.get();
            rewind.add(() -> number.set(kept));
        } else {
            rewind.add(() -> set(of, kind, name, value));
        }
    }

    private static Object get(Object of, Class<?> kind, String name) {
        try {
            Field field = kind.getDeclaredField(name);
            field.setAccessible(true);
            return field.get(of);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void set(Object of, Class<?> kind, String name, Object value) {
        try {
            Field field = kind.getDeclaredField(name);
            field.setAccessible(true);
            field.set(of, value);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A provider that is not the JDK's, and not a good one. */
    public static final class Zeros extends Provider {
        private static final long serialVersionUID = 1;

        Zeros() {
            super("Zeros", "1", "draws zeros");
            put("SecureRandom.Zeros", Spi.class.getName());
        }

        /** Takes no seed. */
        public static final class Spi extends SecureRandomSpi {
            private static final long serialVersionUID = 1;

            /** For the provider. */
            public Spi() {
            }

            @Override
            protected void engineSetSeed(byte[] seed) {
            }

            @Override
            protected void engineNextBytes(byte[] bytes) {
                Arrays.fill(bytes, (byte) 0);
            }

            @Override
            protected byte[] engineGenerateSeed(int length) {
                return new byte[length];
            }
        }
    }

    /** A generator of JDK 1.1's kind. */
    private static final class Subclass extends SecureRandom {
        private static final long serialVersionUID = 1;

        @Override
        public void nextBytes(byte[] bytes) {
            Arrays.fill(bytes, (byte) 0);
        }
    }
}
