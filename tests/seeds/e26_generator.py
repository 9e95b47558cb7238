import sys
import numpy as np
from keras.models import Sequential
from keras.layers import Dense

model = Sequential()
model.add(Dense(32, input_shape=(500,)))
model.add(Dense(10, activation='softmax'))
model.compile(optimizer='rmsprop',
              loss='categorical_crossentropy',
              metrics=['accuracy'])

def process_line(line):
    label, seed = map(int, line.split())
    return np.random.RandomState(seed).rand(1, 500), np.eye(10)[[label]]

def generate_arrays_from_file(path):
    while 1:
        with open(path) as f:
            for line in f:
                # create Numpy arrays of input data
                # and labels, from each line in the file
                x, y = process_line(line)
                yield (x, y)

history = model.fit_generator(generate_arrays_from_file(sys.argv[1]),
                    steps_per_epoch=1000, epochs=10)
