package dev.cracbuild.agent.weave;

import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/** Puts the code of a change where it belongs. */
final class MethodChanger extends MethodVisitor {
    private final MethodVisitor next;
    private final String owner;
    private final Change change;

    MethodChanger(MethodVisitor next, String owner, Change change) {
        super(Opcodes.ASM9, change.place == Change.Place.BODY ? null : next);
        this.next = next;
        this.owner = owner;
        this.change = change;
    }

    @Override
    public void visitCode() {
        if (change.place == Change.Place.BODY) {
            next.visitCode();
            change.emit(next, owner);
            next.visitMaxs(0, 0);
            next.visitEnd();
            return;
        }
        super.visitCode();
        if (change.place == Change.Place.ENTRY) change.emit(mv, owner);
    }

    @Override
    public void visitInsn(int opcode) {
        if (change.place == Change.Place.RETURN && opcode >= Opcodes.IRETURN && opcode <= Opcodes.RETURN) change.emit(mv, owner);
        super.visitInsn(opcode);
    }

    @Override
    public void visitFieldInsn(int opcode, String of, String name, String descriptor) {
        change.saw(name);
        if (change.place == Change.Place.ASSIGN && opcode == Opcodes.PUTFIELD && change.isAt(name)) change.emit(mv, owner);
        super.visitFieldInsn(opcode, of, name, descriptor);
    }

    @Override
    public void visitMethodInsn(int opcode, String of, String name, String descriptor, boolean isInterface) {
        change.saw(name);
        boolean here = change.isAt(of + "." + name + " " + descriptor);
        if (here && change.place == Change.Place.INSTEAD) {
            change.emit(mv, owner);
            return;
        }
        super.visitMethodInsn(opcode, of, name, descriptor, isInterface);
        if (here && change.place == Change.Place.AFTER) change.emit(mv, owner);
    }

    @Override
    public void visitVarInsn(int opcode, int variable) {
        if (opcode == Opcodes.ASTORE && variable == 1) change.argumentStored();
        super.visitVarInsn(opcode, variable);
    }

    @Override
    public void visitLdcInsn(Object value) {
        change.saw(value.toString());
        super.visitLdcInsn(value);
    }
}
