package dev.cracbuild.agent.weave;

import static dev.cracbuild.agent.weave.Change.Place.AFTER;
import static dev.cracbuild.agent.weave.Change.Place.ASSIGN;
import static dev.cracbuild.agent.weave.Change.Place.BODY;
import static dev.cracbuild.agent.weave.Change.Place.ENTRY;
import static dev.cracbuild.agent.weave.Change.Place.INSTEAD;
import static dev.cracbuild.agent.weave.Change.Place.RETURN;

import java.util.ArrayList;
import java.util.List;

/** Which methods are changed, and how. The methods called say why. */
final class Plan {
    private static final String ATOMIC = "Ljava/util/concurrent/atomic/AtomicLong;";
    private static final String SECURE = "Ljava/security/SecureRandom;";
    private static final String SPLITTABLE = "java/util/SplittableRandom";
    private static final String FROM_SOURCE = "(Ljava/util/random/RandomGenerator$SplittableGenerator;)L" + SPLITTABLE + ";";
    private static final String MIX_GAMMA = SPLITTABLE + ".mixGamma (J)J";
    private static final String NANO_TIME = "java/lang/System.nanoTime ()J";
    private static final String CLOCK = "call Clock nanoTime ()J";
    private static final String MADE = "this, call Registry add (Ljava/lang/Object;)V";
    private static final String CHECK = "call Environment check ()V";
    private static final String DESCRIPTOR = "Ljava/io/FileDescriptor;";

    private Plan() {
    }

    /** The changes of a class; a new list, since they remember what they found. */
    static List<Change> of(String name) {
        return switch (name) {
            case "java/util/concurrent/ThreadLocalRandom" -> List.of(
                new Change("nextSeed ()J", RETURN, "", "call Randoms threadLocal (J)J"));
            case "java/util/Random" -> random();
            case SPLITTABLE -> splittable();
            case SPLITTABLE + "$AbstractSplittableGeneratorProxy" -> List.of(
                new Change("split " + FROM_SOURCE, AFTER, MIX_GAMMA, "load A 1, call Randoms inherit (JLjava/lang/Object;)J"));
            case "java/security/SecureRandom" -> secure();
            case "sun/security/provider/SecureRandom" -> List.of(
                new Change("engineNextBytes ([B)V", ENTRY, "", "this, this, field state [B, call Secure first ([B)[B, put state [B"));
            case "sun/security/provider/AbstractDrbg" -> List.of(
                new Change("getEntropyInput (IIIZ)[B", RETURN, "", "call Secure entropy ([B)[B"));
            case "java/util/concurrent/ScheduledThreadPoolExecutor" -> List.of(
                new Change("<init> *", RETURN, "", MADE),
                new Change("triggerTime (J)J", INSTEAD, NANO_TIME, CLOCK));
            case "java/util/concurrent/ScheduledThreadPoolExecutor$ScheduledFutureTask" -> List.of(
                new Change("getDelay (Ljava/util/concurrent/TimeUnit;)J", INSTEAD, NANO_TIME, CLOCK));
            case "java/util/concurrent/DelayScheduler" -> List.of(
                new Change("now ()J", INSTEAD, NANO_TIME, CLOCK));
            case "java/util/TaskQueue" -> List.of(
                new Change("<init> ()V", RETURN, "", MADE),
                new Change("rescheduleMin (J)V", ENTRY, "",
                    "this, field queue [Ljava/util/TimerTask;, const 1, element, load J 1, call Clock due (Ljava/util/TimerTask;J)J, store 1"));
            case "java/lang/ProcessEnvironment" -> List.of(
                new Change("getenv (Ljava/lang/String;)Ljava/lang/String;", ENTRY, "", CHECK),
                new Change("getenv ()Ljava/util/Map;", ENTRY, "", CHECK),
                new Change("environment ()Ljava/util/Map;", ENTRY, "", CHECK));
            case "java/lang/ProcessBuilder" -> List.of(
                new Change("start ([Ljava/lang/ProcessBuilder$Redirect;)Ljava/lang/Process;", ENTRY, "",
                    "this, call Environment child (Ljava/lang/ProcessBuilder;)V"));
            case "jdk/internal/util/random/RandomSupport" -> List.of(
                new Change("initialSeed ()J", RETURN, "", "call Randoms initial (J)J"));
            case "java/io/FileInputStream", "java/io/FileOutputStream", "java/io/RandomAccessFile" -> List.of(
                new Change("<init> *", RETURN, "", "this, field fd " + DESCRIPTOR + ", this, this, field path Ljava/lang/String;, "
                    + "call Opened file (" + DESCRIPTOR + "Ljava/lang/Object;Ljava/lang/String;)V"));
            case "sun/nio/ch/IOUtil" -> List.of(
                new Change("newFD (I)" + DESCRIPTOR, RETURN, "", "call Opened channel (" + DESCRIPTOR + ")" + DESCRIPTOR));
            case "sun/nio/fs/UnixChannelFactory" -> List.of(
                new Change("open *", RETURN, "", "load A 1, call Opened path (" + DESCRIPTOR + "Ljava/lang/Object;)" + DESCRIPTOR));
            default -> other(name);
        };
    }

    private static List<Change> random() {
        return List.of(
            new Change("<init> ()V", RETURN, "", "this, field seed " + ATOMIC + ", call Randoms mark (" + ATOMIC + ")V"),
            new Change("next (I)I", BODY, "25214903917 11 281474976710655 get compareAndSet seed",
                "this, field seed " + ATOMIC + ", load I 1, call Randoms next (" + ATOMIC + "I)I, return I"),
            new Change("nextGaussian ()D", ENTRY, "", "this, this, field haveNextNextGaussian Z, this, field seed " + ATOMIC
                + ", call Randoms keepGaussian (Z" + ATOMIC + ")Z, put haveNextNextGaussian Z"),
            new Change("writeObject (Ljava/io/ObjectOutputStream;)V", AFTER, "java/util/concurrent/atomic/AtomicLong.get ()J",
                "call Randoms serial (J)J"));
    }

    private static List<Change> splittable() {
        return List.of(
            new Change("<init> ()V", ASSIGN, "gamma", "call Randoms unseeded (J)J"),
            new Change("nextSeed ()J", BODY, "seed gamma", "this, this, field seed J, this, field gamma J, one, or, add, dup, put seed J, "
                + "this, field gamma J, call Randoms splittable (JJ)J, return J"),
            new Change("split ()L" + SPLITTABLE + ";", AFTER, MIX_GAMMA, "this, call Randoms inherit (JLjava/lang/Object;)J"),
            new Change("split " + FROM_SOURCE, AFTER, MIX_GAMMA, "load A 1, call Randoms inherit (JLjava/lang/Object;)J"));
    }

    private static List<Change> secure() {
        String made = "this, call Secure made (" + SECURE + ")V";
        String enter = "this, call Secure enter (" + SECURE + ")V";
        String leave = "this, load A 1, call Secure leave (" + SECURE + "[B)V";
        String with = "nextBytes ([BLjava/security/SecureRandomParameters;)V";
        return List.of(
            new Change("<init> *", RETURN, "", made),
            new Change("nextBytes ([B)V", ENTRY, "", enter),
            new Change("nextBytes ([B)V", RETURN, "", leave),
            new Change(with, ENTRY, "", enter),
            new Change(with, RETURN, "", leave),
            new Change("generateSeed (I)[B", RETURN, "", "this, call Secure leave ([B" + SECURE + ")[B"));
    }

    /** The generators of java.util.random take seeds from a static one; generators that are not the JDK's have nextBytes of their own. */
    private static List<Change> other(String name) {
        List<Change> changes = new ArrayList<>();
        if (name.startsWith("jdk/random/") || name.startsWith("jdk/internal/random/")) {
            changes.add(new Change("<init> ()V", AFTER, "java/util/concurrent/atomic/AtomicLong.getAndAdd (J)J",
                "call Randoms initial (J)J"));
        } else {
            changes.add(new Change("nextBytes ([B)V", RETURN, "", "this, load A 1, call Secure leave (" + SECURE + "[B)V"));
        }
        return changes;
    }
}
