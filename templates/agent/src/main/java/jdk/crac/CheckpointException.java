package jdk.crac;

/** A checkpoint could not be taken; each reason is one of the suppressed exceptions. */
public class CheckpointException extends Exception {
    private static final long serialVersionUID = 6859967688386143096L;

    /** Without a message: org.crac copies the suppressed exceptions only. */
    public CheckpointException() {
    }

    /** @param message what happened */
    public CheckpointException(String message) {
        super(message);
    }
}
