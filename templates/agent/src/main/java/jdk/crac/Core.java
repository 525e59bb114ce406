package jdk.crac;

import dev.cracbuild.agent.crac.Exchange;
import dev.cracbuild.agent.crac.OrderedContext;

/** What org.crac.Core looks up by reflection on a JDK with CRaC, here for any JDK. */
public class Core {
    private Core() {
    }

    /** @return the context of all resources */
    public static Context<Resource> getGlobalContext() {
        return OrderedContext.GLOBAL;
    }

    /**
     * Asks the build for a checkpoint and returns in the restored process.
     *
     * @throws CheckpointException no checkpoint was taken; the application goes on in the old process
     * @throws RestoreException a resource failed after the restore
     */
    public static void checkpointRestore() throws CheckpointException, RestoreException {
        Exchange.checkpointRestore();
    }
}
