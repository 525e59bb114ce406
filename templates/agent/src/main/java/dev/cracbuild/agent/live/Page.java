package dev.cracbuild.agent.live;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.Buffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import jdk.internal.misc.Unsafe;

/**
 * The mapping that the application shares with its builder and with the restorer: page 0 is the generation page, which is only ever
 * read here, so that it is not in the dump and comes from the file after a restore; the rest is the mailbox (see Mailbox).
 *
 * <p>Page 0 is all zeros until the first restore. Layout: docs/tape-format.md, "generation page"; little endian.
 */
public final class Page {
    /** Bytes of the mapped file: a page and the mailbox. */
    static final int SIZE = 65536 + 4096;

    static final int MAILBOX = 4096;

    static final Unsafe U = Unsafe.getUnsafe();

    /** FileChannelImpl.MAP_PV. */
    private static final int MAP_PRIVATE = 2;

    private static final int MONOTONIC = 16;
    private static final int REALTIME = 24;
    private static final int ENTROPY = 32;
    private static final int ENVIRONMENT_LENGTH = 96;
    private static final int ENVIRONMENT = 100;

    /** Held where there is one, since the memory is unmapped with it. */
    private static MappedByteBuffer mapped;

    /** A constant of the compiled code: what reads the page is one load. */
    private static final long ADDRESS = map(Options.mapping());

    private Page() {
    }

    /**
     * A private mapping may be written although the file is read-only, but FileChannelImpl.map asks for a channel that is writable;
     * the file belongs to root, and the application may run as anyone.
     */
    private static long map(String file) {
        try (FileInputStream stream = new FileInputStream(file)) {
            Method map = mapOfChannel();
            if (map != null) return mapAlone(map, stream.getFD());
            FileChannel channel = stream.getChannel();
            U.putBoolean(channel, U.objectFieldOffset(channel.getClass(), "writable"), true);
            mapped = channel.map(FileChannel.MapMode.PRIVATE, 0, SIZE);
            return U.getLong(mapped, U.objectFieldOffset(Buffer.class, "address"));
        } catch (IOException | ReflectiveOperationException e) {
            throw new IllegalStateException(file, e);
        }
    }

    /** JDK 17: the native method is the channel's. It is another class in later ones. */
    private static Method mapOfChannel() throws ClassNotFoundException {
        for (Method method : Class.forName("sun.nio.ch.FileChannelImpl").getDeclaredMethods()) {
            if (method.getName().equals("map0")) return method;
        }
        return null;
    }

    /** Without a channel, whose first one leaves a socket pair open in JDK 17 (FileDispatcherImpl). */
    private static long mapAlone(Method map, FileDescriptor file) throws ReflectiveOperationException {
        Object channel = U.allocateInstance(map.getDeclaringClass());
        U.putReference(channel, U.objectFieldOffset(channel.getClass(), "fd"), file);
        map.setAccessible(true);
        return (long) map.invoke(channel, MAP_PRIVATE, 0L, (long) SIZE, false);
    }

    static long address() {
        return ADDRESS;
    }

    /** Which restore this is: 0 before the first. */
    static long generation() {
        return U.getLong(ADDRESS);
    }

    /** By how much the monotonic clock jumped at the last restore, in nanoseconds; 0 where the restorer corrects it. */
    static long monotonicJump() {
        return U.getLong(ADDRESS + MONOTONIC);
    }

    /** By how much the wall clock jumped at the last restore, in nanoseconds. */
    static long realtimeJump() {
        return U.getLong(ADDRESS + REALTIME);
    }

    /**
     * 64 bits that no other restore has. Words 0 to 3 are for generators whose output tells their state, 4 to 7 for what is secret.
     *
     * @param index 0 to 7
     * @return 0 before the first restore
     */
    static long word(int index) {
        return U.getLong(ADDRESS + ENTROPY + 8L * index);
    }

    /** The environment of this start, `K=V` with NUL after or between them, or null. */
    static byte[] environment() {
        int length = U.getInt(ADDRESS + ENVIRONMENT_LENGTH);
        if (length <= 0 || length > MAILBOX - ENVIRONMENT) return null;
        return read(ADDRESS + ENVIRONMENT, length);
    }

    /** Byte by byte: what Unsafe has for arrays is of another type in JDK 25. */
    static byte[] read(long address, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = U.getByte(address + i);
        return bytes;
    }
}
