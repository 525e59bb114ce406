package dev.cracbuild.agent.live;

import java.nio.charset.StandardCharsets;
import jdk.internal.misc.Unsafe;

/** Commands of the builder and answers of the agent, in memory that the builder reads and writes from outside. */
final class Mailbox {
    static final int IDLE = 1;
    static final int WORKING = 2;
    static final int PREPARED = 3;
    static final int HELD = 4;
    static final int FAILED = 5;
    static final int ASKED = 6;
    static final int RESTORED = 7;

    static final int PREPARE = 1;
    static final int HOLD = 2;
    static final int ABORT = 3;
    static final int EXPLAIN = 4;

    private static final int MAGIC = 0x43524147;
    private static final int VERSION = 1;
    private static final int TEXT_LIMIT = 65000;

    private static final Unsafe U = Page.U;
    private static final long AT = Page.address() + Page.MAILBOX;
    private static final long VERSION_AT = AT + 4;
    private static final long STATE = AT + 8;
    private static final long COMMAND = AT + 12;
    private static final long SEQUENCE = AT + 16;
    private static final long ANSWERED = AT + 20;
    private static final long FLAGS = AT + 24;
    private static final long LENGTH = AT + 28;
    private static final long TEXT = AT + 32;

    private Mailbox() {
    }

    /** Says that the agent is there. */
    static void open() {
        U.putInt(VERSION_AT, VERSION);
        state(IDLE);
        U.putIntVolatile(null, AT, MAGIC);
    }

    static void state(int state) {
        U.putIntVolatile(null, STATE, state);
    }

    /** A state with its text, the text first. */
    static void state(int state, String text) {
        write(text);
        state(state);
    }

    static int sequence() {
        return U.getIntVolatile(null, SEQUENCE);
    }

    static int command() {
        return U.getInt(COMMAND);
    }

    static int flags() {
        return U.getInt(FLAGS);
    }

    /** The last word of an answer. */
    static void answer(int sequence) {
        U.putIntVolatile(null, ANSWERED, sequence);
    }

    /** What the builder wrote. */
    static String text() {
        int length = Math.max(0, Math.min(U.getInt(LENGTH), TEXT_LIMIT));
        return new String(Page.read(TEXT, length), StandardCharsets.UTF_8);
    }

    /** Cut to what fits, never inside of a character. */
    static void write(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int length = Math.min(bytes.length, TEXT_LIMIT);
        while (length < bytes.length && length > 0 && (bytes[length] & 0xC0) == 0x80) length--;
        for (int i = 0; i < length; i++) U.putByte(TEXT + i, bytes[i]);
        U.putInt(LENGTH, length);
    }
}
