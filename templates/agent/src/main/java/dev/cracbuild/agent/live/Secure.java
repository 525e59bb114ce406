package dev.cracbuild.agent.live;

import java.lang.reflect.Field;
import java.security.SecureRandom;

/**
 * What the changed methods of SecureRandom call. Each object remembers the generation it was last seeded in, in the field `counter`,
 * which the JDK keeps for the serial form of JDK 1.1 and does not use. The generators of the JDK are seeded again at their first use
 * after a restore, by the thread that uses them; to the output of others, whose setSeed may do anything, fresh bytes are added.
 */
public final class Secure {
    private static final long COUNTER = Page.U.objectFieldOffset(SecureRandom.class, "counter");
    private static final long SPI = Page.U.objectFieldOffset(SecureRandom.class, "secureRandomSpi");
    private static final String JDK = "sun.security.provider.";
    private static final String NATIVE = JDK + "NativePRNG";

    /** Set once the generators of the JDK no longer seed each other from what all restores share: new objects need nothing then. */
    static volatile boolean seedersChanged;

    private Secure() {
    }

    /**
     * At the end of a constructor. An object that is made after a restore is left alone where its seed is known to be fresh, and where it
     * is of a class of its own, which may have been given the bytes to hand out. Others may draw from a state of their provider's, or of
     * its native library's, that all restores share.
     */
    public static void made(SecureRandom random) {
        boolean isPlain = random.getClass() == SecureRandom.class;
        if (!isPlain) Registry.addGenerator(random.getClass());
        long generation = Page.generation();
        if (generation == 0) return;
        boolean isFresh = !isPlain || seedersChanged && isOfJdk(Page.U.getReference(random, SPI));
        if (isFresh) Page.U.putLongRelease(random, COUNTER, generation);
    }

    /** Before anything is drawn. */
    public static void enter(SecureRandom random) {
        if (isOld(random)) renew(random);
    }

    /** After bytes have been drawn. */
    public static void leave(SecureRandom random, byte[] bytes) {
        if (isOld(random)) Fresh.mix(bytes);
    }

    /** After bytes have been drawn that are returned. */
    public static byte[] leave(byte[] bytes, SecureRandom random) {
        leave(random, bytes);
        return bytes;
    }

    /** In AbstractDrbg.getEntropyInput: its source is another generator of the same process. */
    public static byte[] entropy(byte[] bytes) {
        if (Page.generation() != 0) Fresh.mix(bytes);
        return bytes;
    }

    /** In SHA1PRNG's engineNextBytes: a generator without a seed would take its state from a generator that all restores share. */
    public static byte[] first(byte[] state) {
        return state == null && Page.generation() != 0 ? Fresh.bytes(20) : state;
    }

    private static boolean isOld(SecureRandom random) {
        return Page.U.getLongAcquire(random, COUNTER) != Page.generation();
    }

    private static boolean isOfJdk(Object spi) {
        return spi != null && spi.getClass().getClassLoader() == null && spi.getClass().getName().startsWith(JDK);
    }

    /** Other threads wait for the lock that setSeed takes, or seed the object once more. */
    private static void renew(SecureRandom random) {
        long generation = Page.generation();
        Object spi = Page.U.getReference(random, SPI);
        if (random.getClass() != SecureRandom.class || !isOfJdk(spi)) return;
        Class<?> kind = spi.getClass();
        if (kind.getName().startsWith(NATIVE)) {
            dropReadAhead(kind);
        } else {
            random.setSeed(Fresh.bytes(48));
        }
        Page.U.putLongRelease(random, COUNTER, generation);
    }

    /**
     * NativePRNG's bytes are the kernel's, but up to 64 KiB of them have been read ahead, and are used if the wall clock is not more
     * than 100 ms later, or earlier (NativePRNG.RandomIO.ensureBufferValid).
     */
    private static void dropReadAhead(Class<?> kind) {
        try {
            Field field = kind.getDeclaredField("INSTANCE");
            Object io = Page.U.getReference(Page.U.staticFieldBase(field), Page.U.staticFieldOffset(field));
            Object lock = Page.U.getReference(io, Page.U.objectFieldOffset(io.getClass(), "LOCK_GET_BYTES"));
            synchronized (lock) {
                Page.U.putInt(io, Page.U.objectFieldOffset(io.getClass(), "buffered"), 0);
            }
        } catch (NoSuchFieldException e) {
            throw new IllegalStateException(e);
        }
    }
}
