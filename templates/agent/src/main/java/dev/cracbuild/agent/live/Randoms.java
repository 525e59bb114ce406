package dev.cracbuild.agent.live;

import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What the changed methods of ThreadLocalRandom, Random and SplittableRandom call. Nothing is renewed after a restore: what is drawn is
 * mixed with the entropy of the page, which is zero before the first restore, so that even a thread in the middle of a draw never gets
 * back to the stream that all restores share. Generators with a seed of the application keep the sequence that is documented for it.
 */
public final class Randoms {
    private static final long LOW_48 = (1L << 48) - 1;
    private static final long GAMMA = Page.U.objectFieldOffset(SplittableRandom.class, "gamma");

    /** The mark of a java.util.Random without a seed of the application: its generator uses the low 48 bits only. */
    private static final long MARK = Long.MIN_VALUE;

    private Randoms() {
    }

    /** In ThreadLocalRandom.nextSeed: what is returned, not what is stored. */
    public static long threadLocal(long seed) {
        return seed ^ Page.word(0);
    }

    /** At the end of Random(): no seed was given. */
    public static void mark(AtomicLong seed) {
        seed.set(seed.get() | MARK);
    }

    /** Random.next: the documented generator; where marked, after a restore, its state is mixed with the entropy. */
    public static int next(AtomicLong seed, int bits) {
        long old;
        long next;
        do {
            old = seed.get();
            next = (old * 0x5DEECE66DL + 0xBL) & LOW_48;
        } while (!seed.compareAndSet(old, next | old & MARK));
        if (old < 0) {
            long word = Page.word(1);
            if (word != 0) next = mix(next ^ word) >>> 16;
        }
        return (int) (next >>> (48 - bits));
    }

    /** In Random.nextGaussian: the second value of a pair that was drawn before the restore is not used after it. */
    public static boolean keepGaussian(boolean kept, AtomicLong seed) {
        return kept && (seed == null || seed.get() >= 0 || Page.word(1) == 0);
    }

    /** In Random.writeObject: 48 bits, as every JDK reads them; a copy of a marked generator has a stream of its own as well. */
    public static long serial(long seed) {
        return (seed < 0 ? seed ^ Page.word(1) : seed) & LOW_48;
    }

    /** In SplittableRandom(): an increment is odd; an even one is the mark of a generator without a seed of the application. */
    public static long unseeded(long gamma) {
        return gamma & ~1L;
    }

    /** In SplittableRandom.nextSeed: what is returned. */
    public static long splittable(long seed, long gamma) {
        return (gamma & 1) == 0 ? seed ^ Page.word(2) : seed;
    }

    /** In SplittableRandom.split: the mark goes on to the new generator. */
    public static long inherit(long gamma, Object parent) {
        boolean marked = parent.getClass() == SplittableRandom.class && (Page.U.getLong(parent, GAMMA) & 1) == 0;
        return marked ? gamma & ~1L : gamma;
    }

    /** Seeds that the JDK makes for a generator of java.util.random. */
    public static long initial(long seed) {
        return seed ^ Page.word(3);
    }

    /** Stafford's variant 13 of the finalizer of MurmurHash3, as in SplittableRandom. */
    private static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
        return z ^ (z >>> 31);
    }
}
