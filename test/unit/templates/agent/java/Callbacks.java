import java.util.ArrayList;
import java.util.List;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

/** Resources of org.crac, which is the agent's own here. */
public class Callbacks extends Program {
    private final List<Object> held = new ArrayList<>();

    public static void main(String[] args) throws Exception {
        new Callbacks().run();
    }

    @Override
    void answer(String[] words) throws Exception {
        switch (words[0]) {
            case "register" -> {
                Named one = new Named(words[1], words.length > 2 ? words[2] : "");
                held.add(one);
                Core.getGlobalContext().register(one);
            }
            case "forget" -> {
                Core.getGlobalContext().register(new Named("forgotten", ""));
                System.gc();
            }
            case "nest" -> {
                Nested nested = new Nested();
                held.add(nested);
                Core.getGlobalContext().register(nested);
                for (String name : words[1].split(",")) nested.register(new Named(name, words.length > 2 ? words[2] : ""));
            }
            case "checkpoint" -> {
                try {
                    Core.checkpointRestore();
                    say("returned in " + Thread.currentThread().getName());
                } catch (org.crac.CheckpointException | org.crac.RestoreException e) {
                    say(e.getClass().getName());
                    for (Throwable one : e.getSuppressed()) say(one);
                }
            }
            case "bean" -> {
                var bean = org.crac.management.CRaCMXBean.getCRaCMXBean();
                say(bean.getRestoreTime() > 0);
                say(bean.getUptimeSinceRestore() >= 0);
            }
            case "loader" -> say(Class.forName("org.crac.Core", false, getClass().getClassLoader()).getClassLoader());
            default -> throw new IllegalArgumentException(words[0]);
        }
    }

    private static final class Named implements Resource {
        private final String name;
        private final String throwing;

        Named(String name, String throwing) {
            this.name = name;
            this.throwing = throwing;
        }

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) throws Exception {
            say("before " + name);
            if (throwing.equals("before")) throw new IllegalStateException(name + " does not want to");
            if (throwing.equals("again")) Core.checkpointRestore();
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) {
            say("after " + name);
            if (throwing.equals("after")) throw new IllegalStateException(name + " cannot go on");
        }
    }

    /** As a library makes one: it collects what its resources throw. */
    private static final class Nested extends Context<Resource> {
        private final List<Resource> all = new ArrayList<>();

        @Override
        public void register(Resource resource) {
            all.add(resource);
        }

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) throws org.crac.CheckpointException {
            org.crac.CheckpointException failed = new org.crac.CheckpointException();
            for (int i = all.size() - 1; i >= 0; i--) {
                try {
                    all.get(i).beforeCheckpoint(this);
                } catch (Exception e) {
                    failed.addSuppressed(e);
                }
            }
            if (failed.getSuppressed().length > 0) throw failed;
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) {
            for (Resource one : all) {
                try {
                    one.afterRestore(this);
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }
        }
    }
}
