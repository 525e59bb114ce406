package dev.cracbuild.agent.live;

import java.io.FileInputStream;
import java.io.IOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** Random bytes of this start: from the kernel, and from the page where there is no /dev/urandom. Nothing read before a restore is used. */
final class Fresh {
    private static final byte[] POOL = new byte[1024];
    private static int left;
    private static long generation;
    private static long counter;

    private Fresh() {
    }

    /** Mixes fresh bytes into others. */
    static synchronized void mix(byte[] into) {
        for (int i = 0; i < into.length; i++) {
            if (left == 0 || generation != Page.generation()) fill();
            int at = POOL.length - left--;
            into[i] ^= POOL[at];
            POOL[at] = 0;
        }
    }

    static byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        mix(bytes);
        return bytes;
    }

    private static void fill() {
        generation = Page.generation();
        try (FileInputStream random = new FileInputStream("/dev/urandom")) {
            if (random.readNBytes(POOL, 0, POOL.length) != POOL.length) throw new IOException("/dev/urandom ended");
            for (int i = 0; i < POOL.length; i++) POOL[i] ^= (byte) (secret(i >>> 3 & 3) >>> 8 * (i & 7));
        } catch (IOException e) {
            expand();
        }
        left = POOL.length;
    }

    private static long secret(int index) {
        return Page.word(4 + index);
    }

    /** SHA-512 of the entropy and a number that is never used again with it. */
    private static void expand() {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-512");
            for (int at = 0; at < POOL.length; at += 64) {
                for (int word = 0; word < 4; word++) number(digest, secret(word));
                number(digest, counter++);
                System.arraycopy(digest.digest(), 0, POOL, at, 64);
            }
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void number(MessageDigest digest, long value) {
        for (int i = 0; i < 8; i++) digest.update((byte) (value >>> 8 * i));
    }
}
