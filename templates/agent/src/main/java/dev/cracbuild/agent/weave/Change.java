package dev.cracbuild.agent.weave;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/**
 * A change of one method: code without branches, so that no stack map frame is needed, at one kind of place.
 *
 * <p>The code is written as a small assembler: `this`; `load TYPE INDEX` and `store INDEX` (a long) of local variables; `field NAME TYPE`
 * and `put NAME TYPE` of the class's own fields; `element`, `const N`, `one`, `or`, `add`, `dup` (of a long, below a reference); `return
 * TYPE`; and `call CLASS NAME DESCRIPTOR` of a static method of the agent.
 */
final class Change {
    /** Where the code goes. */
    enum Place {
        /** Before everything else. */
        ENTRY,
        /** Before each return instruction. */
        RETURN,
        /** After each call of the method that `at` names. */
        AFTER,
        /** In place of each call of the method that `at` names. */
        INSTEAD,
        /** Before each assignment of the field that `at` names. */
        ASSIGN,
        /** In place of the whole body, which must have all that `at` names. */
        BODY
    }

    private static final String FIRST_ARGUMENT = "load A 1";
    private static final String LIVE = "dev/cracbuild/agent/live/";

    final Place place;
    private final String name;
    private final String descriptor;
    private final String at;
    private final String[] code;
    private final Set<String> expected = new HashSet<>();
    private int found;
    private boolean argumentLost;

    /**
     * @param method name and descriptor; a descriptor `*` is any
     * @param place where the code goes
     * @param at a call as `OWNER.NAME DESCRIPTOR`, a field's name, or for BODY words that the method's instructions must have
     * @param code instructions, separated by commas
     */
    Change(String method, Place place, String at, String code) {
        int blank = method.indexOf(' ');
        this.name = method.substring(0, blank);
        this.descriptor = method.substring(blank + 1);
        this.place = place;
        this.at = at;
        this.code = code.split(",");
        if (place == Place.BODY) expected.addAll(Set.of(at.split(" ")));
    }

    boolean matches(String method, String type) {
        return name.equals(method) && (descriptor.equals("*") || descriptor.equals(type));
    }

    boolean isAt(String what) {
        return at.equals(what);
    }

    /** For BODY: an instruction of the old body. */
    void saw(String word) {
        expected.remove(word);
    }

    /** An instruction that stores to the first argument, which the code may want at a return. */
    void argumentStored() {
        argumentLost |= List.of(code).contains(" " + FIRST_ARGUMENT) || code[0].equals(FIRST_ARGUMENT);
    }

    /** What is wrong with the method, or null. */
    String problem() {
        if (found == 0 || argumentLost) return name + " has another shape in this JDK: nothing of it is changed";
        return expected.isEmpty() ? null : name + " has another body in this JDK: nothing of it is changed";
    }

    void emit(MethodVisitor to, String owner) {
        found++;
        for (String line : code) {
            String[] words = line.strip().split(" ");
            switch (words[0]) {
                case "this" -> to.visitVarInsn(Opcodes.ALOAD, 0);
                case "load" -> to.visitVarInsn(load(words[1]), Integer.parseInt(words[2]));
                case "store" -> to.visitVarInsn(Opcodes.LSTORE, Integer.parseInt(words[1]));
                case "field" -> to.visitFieldInsn(Opcodes.GETFIELD, owner, words[1], words[2]);
                case "put" -> to.visitFieldInsn(Opcodes.PUTFIELD, owner, words[1], words[2]);
                case "element" -> to.visitInsn(Opcodes.AALOAD);
                case "const" -> to.visitInsn(Opcodes.ICONST_0 + Integer.parseInt(words[1]));
                case "one" -> to.visitInsn(Opcodes.LCONST_1);
                case "or" -> to.visitInsn(Opcodes.LOR);
                case "add" -> to.visitInsn(Opcodes.LADD);
                case "dup" -> to.visitInsn(Opcodes.DUP2_X1);
                case "return" -> to.visitInsn(words[1].equals("I") ? Opcodes.IRETURN : Opcodes.LRETURN);
                case "call" -> to.visitMethodInsn(Opcodes.INVOKESTATIC, LIVE + words[1], words[2], words[3], false);
                default -> throw new IllegalArgumentException(line);
            }
        }
    }

    private static int load(String type) {
        return switch (type) {
            case "A" -> Opcodes.ALOAD;
            case "I" -> Opcodes.ILOAD;
            default -> Opcodes.LLOAD;
        };
    }
}
