package dev.cracbuild.agent.bean;

import dev.cracbuild.agent.live.Coordinator;
import java.lang.reflect.Field;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import javax.management.MalformedObjectNameException;
import javax.management.ObjectName;
import jdk.crac.management.CRaCMXBean;
import sun.management.spi.PlatformMBeanProvider;

/**
 * The bean `jdk.management:type=CRaC` among those of the platform. Brought into the JVM before a checkpoint only, where there is
 * java.management, whose package for providers has to be exported before this class can be defined.
 */
public final class RestoreBean implements CRaCMXBean, PlatformMBeanProvider.PlatformComponent<CRaCMXBean> {
    private static final String NAME = "jdk.management:type=CRaC";

    private RestoreBean() {
    }

    /**
     * Providers are found by ServiceLoader in modules and on the class path; this one is in neither, and puts itself among them.
     *
     * @throws ReflectiveOperationException ManagementFactory keeps them elsewhere on this JDK
     */
    @SuppressWarnings("unchecked")
    public static void register() throws ReflectiveOperationException {
        Class<?> finder = Class.forName("java.lang.management.ManagementFactory$PlatformMBeanFinder");
        Field field = finder.getDeclaredField("componentMap");
        field.setAccessible(true);
        ((Map<String, Object>) field.get(null)).putIfAbsent(NAME, new RestoreBean());
    }

    @Override
    public long getUptimeSinceRestore() {
        if (Coordinator.restoredAt() < 0) return -1;
        return TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - Coordinator.restoredNanos());
    }

    @Override
    public long getRestoreTime() {
        return Coordinator.restoredAt();
    }

    @Override
    public ObjectName getObjectName() {
        try {
            return new ObjectName(NAME);
        } catch (MalformedObjectNameException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public Set<Class<? extends CRaCMXBean>> mbeanInterfaces() {
        return Set.of(CRaCMXBean.class);
    }

    @Override
    public Set<String> mbeanInterfaceNames() {
        return Set.of(CRaCMXBean.class.getName());
    }

    @Override
    public String getObjectNamePattern() {
        return NAME;
    }

    @Override
    public Map<String, CRaCMXBean> nameToMBeanMap() {
        return Map.of(NAME, this);
    }
}
