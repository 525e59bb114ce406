package dev.cracbuild.agent.weave;

import dev.cracbuild.agent.live.Changes;
import java.lang.instrument.ClassFileTransformer;
import java.security.ProtectionDomain;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassWriter;

/** Changes the methods that Plan names. A class that is not as expected stays as it is, and is named. */
public final class Weaver implements ClassFileTransformer, Supplier<List<String>> {
    static {
        Changes.weaver = new Weaver();
    }

    private final List<String> missed = new ArrayList<>();

    private Weaver() {
    }

    @Override
    public byte[] transform(ClassLoader loader, String name, Class<?> changed, ProtectionDomain domain, byte[] bytes) {
        if (changed == null) return null; // a class that is being loaded
        try {
            List<Change> changes = Plan.of(name);
            ClassReader reader = new ClassReader(bytes);
            ClassWriter writer = new ClassWriter(reader, ClassWriter.COMPUTE_MAXS);
            reader.accept(new ClassChanger(writer, name, changes), 0);
            for (Change change : changes) {
                if (change.problem() == null) continue;
                missed.add(name.replace('/', '.') + "." + change.problem());
                return null;
            }
            return writer.toByteArray();
        } catch (RuntimeException e) {
            missed.add(name.replace('/', '.') + " cannot be changed: " + e);
            return null;
        }
    }

    /** What was not changed, and why. */
    @Override
    public List<String> get() {
        return missed;
    }
}
