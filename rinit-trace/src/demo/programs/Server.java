/** A service with a shutdown hook: the JVM handles SIGTERM. */
public class Server {
    public static void main(String[] arguments) throws InterruptedException {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("cleaned up")));
        System.out.println("ready");
        Thread.currentThread().join();
    }
}
