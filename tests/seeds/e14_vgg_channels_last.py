import numpy as np
from keras.models import Sequential
from keras.layers import Dense, Dropout, Flatten
from keras.layers import Conv2D, MaxPooling2D
from keras.optimizers import SGD

# generate dummy data: the classes differ in one colour
x_train = 0.1 * np.random.random((8, 100, 100, 3))
y_train = np.eye(10)[[0, 1] * 4]
x_train[::2, :, :, 0] += 1
x_test, y_test = x_train[:4], y_train[:4]

model = Sequential()
# input: 100x100 images with 3 channels -> (100, 100, 3) tensors.
# this applies 32 convolution filters of size 3x3 each.
model.add(Conv2D(filters=32, kernel_size=(3, 3), activation='relu',
                 input_shape=(100, 100, 3)))
model.add(Conv2D(filters=32, kernel_size=(3, 3), activation='relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Dropout(rate=0.25))
model.add(Conv2D(filters=64, kernel_size=(3, 3), activation='relu'))
model.add(Conv2D(filters=64, kernel_size=(3, 3), activation='relu'))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Dropout(rate=0.25))
model.add(Flatten())
model.add(Dense(units=256, activation='relu'))
model.add(Dropout(rate=0.25))
model.add(Dense(units=10, activation='softmax'))
model.compile(
    loss='categorical_crossentropy',
    optimizer=SGD(lr=0.01, decay=1e-6, momentum=0.9, nesterov=True)
)

# train
model.fit(x_train, y_train, batch_size=32, epochs=10)

# evaluate
score = model.evaluate(x_test, y_test, batch_size=32)
