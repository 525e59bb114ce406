package jdk.crac.management;

import java.lang.management.PlatformManagedObject;

/** What org.crac.management.CRaCMXBean looks up; see dev.cracbuild.agent.live.RestoreBean. */
public interface CRaCMXBean extends PlatformManagedObject {
    /** @return milliseconds since the last restore, -1 without one */
    long getUptimeSinceRestore();

    /** @return time of the last restore in milliseconds since 1970, -1 without one */
    long getRestoreTime();
}
