package dev.cracbuild.agent.weave;

import java.util.List;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/** Methods without a change are copied byte by byte. */
final class ClassChanger extends ClassVisitor {
    private final String owner;
    private final List<Change> changes;

    ClassChanger(ClassWriter next, String owner, List<Change> changes) {
        super(Opcodes.ASM9, next);
        this.owner = owner;
        this.changes = changes;
    }

    @Override
    public MethodVisitor visitMethod(int access, String name, String descriptor, String signature, String[] exceptions) {
        MethodVisitor visitor = super.visitMethod(access, name, descriptor, signature, exceptions);
        for (Change change : changes) {
            if (change.matches(name, descriptor)) visitor = new MethodChanger(visitor, owner, change);
        }
        return visitor;
    }
}
